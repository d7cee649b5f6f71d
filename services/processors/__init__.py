"""Processors: they own partitions of the symbols and fold the tape into rows."""
