"""What a trade's condition codes let it update."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.conditions import BITS, FORM_T, NOT_LAST, NOT_VOLUME, updates


codes = st.lists(st.integers(0, 120), max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("conditions", "regular", "extended"),
    [
        ((), True, True),
        ((14, 41), True, True),
        ((37,), False, False),
        ((FORM_T,), False, True),
        ((FORM_T, 14), False, True),
        ((FORM_T, 37), False, False),
        ((2,), False, False),
        ((15,), False, False),
        ((16,), False, False),
        ((9999,), True, True),
    ],
)
def test_last_depends_on_conditions_and_session(
    conditions: tuple[int, ...], regular: bool, extended: bool
) -> None:
    """Odd lots and average prices never are a last sale, Form T is one outside regular hours only."""
    found = updates(conditions)

    assert (found.last, found.extended_last) == (regular, extended)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ((), True),
        ((37,), True),
        ((FORM_T,), True),
        ((15,), False),
        ((16,), False),
        ((38, 14), False),
    ],
)
def test_volume_counts_each_share_once(conditions: tuple[int, ...], expected: bool) -> None:
    """Official open and close repeat volume that was counted; odd lots and Form T are volume."""
    assert updates(conditions).volume is expected


@given(codes, st.integers(0, 120))
def test_another_condition_never_lifts_a_restriction(
    conditions: tuple[int, ...], more: int
) -> None:
    """A trade that may not update something still may not with one more condition."""
    before, after = updates(conditions), updates((*conditions, more))

    assert all(was or not now for was, now in zip(before, after, strict=True))


@given(codes)
def test_order_and_repetition_of_conditions_do_not_matter(conditions: tuple[int, ...]) -> None:
    """Conditions are a set, whatever order the exchange wrote them in."""
    assert updates((*reversed(conditions), *conditions)) == updates(conditions)


@given(codes)
def test_codes_that_are_not_listed_restrict_nothing(conditions: tuple[int, ...]) -> None:
    """Exchanges add codes faster than tables follow: an unknown one is a regular sale."""
    unlisted = tuple(code for code in conditions if code not in NOT_LAST | NOT_VOLUME)

    assert all(updates(unlisted))


def _bits(conditions: tuple[int, ...]) -> int:
    return sum(1 << bit for bit, may in enumerate(updates(conditions)) if may)


@given(codes)
def test_remembered_bits_are_what_updates_says(conditions: tuple[int, ...]) -> None:
    """Asked for the first time and again, the fast way gives the same."""
    assert BITS[conditions] == BITS[conditions] == _bits(conditions)


def test_remembered_bits_are_bounded() -> None:
    """A feed with ever new combinations does not make memory grow."""
    for code in range(10_000):
        assert BITS[(code, 12)] == _bits((code, 12))

    assert len(BITS) <= 4096
