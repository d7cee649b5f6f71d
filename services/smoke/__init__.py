"""`mesh smoke`: whether what was deployed runs, everywhere and in the version that it should, and data comes through."""
