"""The one source of chance in the simulator: always seeded, so that a run can be repeated."""

import random  # noqa: TID251 (the edge that makes the seeded generator)


Chance = random.Random
"""A generator of numbers; it is passed to whoever draws."""


def seeded(seed: int) -> Chance:
    """A generator that gives the same numbers for the same *seed*."""
    return Chance(seed)
