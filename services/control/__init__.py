"""The control plane: who may see and do what, and one place to run the mesh."""
