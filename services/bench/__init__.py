"""`mesh bench`: what the mesh does a second, and what an event costs. One JSON object on standard output."""
