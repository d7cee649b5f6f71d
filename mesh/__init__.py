"""The reusable core of the mesh, pure at the bottom, I/O above. Nothing is re-exported: importing a pure module must not import a client."""
