"""Delays between attempts: exponential with full jitter, so that many clients do not return at once."""

import math
from collections.abc import Callable, Iterator


def delays_s(first_s: float, most_s: float, chance: Callable[[], float]) -> Iterator[float]:
    """Endless delays: the n-th is uniform between 0 and min(*most_s*, *first_s* × 2ⁿ).

    Args:
        first_s: upper end of the first delay, unless *most_s* is less.
        most_s: upper end that no delay exceeds.
        chance: uniform numbers in [0, 1), `random.Random().random` outside of tests.

    Source: "full jitter" of the AWS architecture blog on exponential back-off.
    """
    top_s = min(most_s, first_s)
    while True:
        yield top_s * chance()
        top_s = min(most_s, top_s * 2) if math.isfinite(top_s) else most_s
