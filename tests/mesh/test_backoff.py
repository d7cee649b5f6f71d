"""Delays between attempts."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from mesh.backoff import delays_s


spans = st.floats(min_value=1e-3, max_value=1e4)


@given(spans, spans, st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40))
def test_each_delay_is_below_a_top_that_doubles(
    first_s: float, most_s: float, chances: list[float]
) -> None:
    """The n-th delay is the chance's share of min(most, first × 2ⁿ): full jitter, bounded from the first on."""
    found = list(islice(delays_s(first_s, most_s, iter(chances).__next__), len(chances)))

    tops = [min(most_s, first_s * 2**n) for n in range(len(chances))]
    assert all(0 <= delay <= most_s for delay in found)
    assert found == [top * chance for top, chance in zip(tops, chances, strict=True)]


def test_delays_never_end() -> None:
    """Ten thousand attempts later the delay is still the longest one, neither infinite nor an error."""
    assert next(islice(delays_s(0.5, 30.0, lambda: 1.0), 10_000, None)) == 30.0
