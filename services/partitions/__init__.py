"""`mesh partitions`: who owns what, how far it is, and what is wrong with it."""
