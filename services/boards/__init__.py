"""Boards: the market table of all rows, ranked into leaderboards."""
