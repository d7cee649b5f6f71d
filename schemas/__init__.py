"""Everything that crosses a wire: vendor frames, market events, rows, boards, names. Imports msgspec only."""
