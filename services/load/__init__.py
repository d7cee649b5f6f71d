"""`mesh load`: many clients of the Widget Data Service at once, well-behaved and not, and what they measured."""
