"""`mesh backup` and `mesh restore`: what persons made, in one file, and back onto a broker that holds none of it."""
