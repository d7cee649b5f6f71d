"""The programs of the mesh: composition only, one package each."""
