"""The simulator: recorded tapes and a synthetic market, spoken in the vendor's protocol."""
