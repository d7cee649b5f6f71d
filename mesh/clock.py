"""The only reader of the wall clock and of monotonic time.

The wall clock decides when to flush, when something has taken too long, and how old data is.
What is computed from the tape derives from event time alone and never calls anything here.
"""

import time


def now_ms() -> float:
    """Wall-clock time in milliseconds since the epoch, UTC, with fractions."""
    return time.time() * 1000.0


def monotonic_s() -> float:
    """Seconds that only grow, for intervals and time-outs."""
    return time.monotonic()
