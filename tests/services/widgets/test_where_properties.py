"""Conditions by chance: they take what a reader of single rows takes, and no text does worse than be refused."""

import warnings

from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.columns import columns_of
from schemas.leaderboard import Row
from services.widgets.where import WhereError, compile_where
from services.widgets.where_syntax import DEEPEST, MOST_CHARACTERS
from tests.services.widgets.conditions import Tree, conditions, rows, text_of, value_of


MARKET = columns_of(
    [Row("A", "2026-01-05", "pre", 1, last_usd=10.0), Row("B", "2026-01-05", "post", 2)]
)

WORDS = (
    "last_usd", "symbol", "halt", "trading_day", "session", "foo", "é", "5", "0.5", "1e9", "007", "1_0", "5m", "1j",
    "'A'", '"pre"', "'2026-01-05'", "'é'", "'", '"', "'''", "b'A'", "f'{1}'", "and", "or", "not", "in", "is", "if",
    "else", "for", "lambda", "await", "yield", "True", "None", "known", "abs", "min", "max", "starts_with", "(", ")",
    "[", "]", "{", "}", ",", ":", ":=", "=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "**", "/", "//", "%",
    "@", "&", "|", "~", "<<", ">>", ".", "...", ";", "\\", "\\d", "\n", "\t", "\x00", "#", "->", "!", "≥",
)  # fmt: skip

any_text = st.text(st.characters(exclude_categories=()))
some_words = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.lists(
    st.sampled_from(WORDS), max_size=8
).map("".join)
valid = conditions.map(text_of).filter(lambda text: len(text) <= MOST_CHARACTERS)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A condition, changed in some places."""
    text = draw(valid)
    for _ in range(draw(st.integers(1, 3))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        end = min(end, start + draw(st.integers(0, 8)))
        put = draw(st.just("") | some_words | any_text | st.just(text[start:end] * 2))
        text = text[:start] + put + text[end:]
    return text


def refused(text: str) -> WhereError | None:
    """Why *text* is no condition; None if it is one, which can then be asked of a market."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            asked = compile_where(text).mask(MARKET)
        except WhereError as error:
            return error
        finally:
            assert not warned
    assert asked.shape == (len(MARKET),)
    return None


def check(text: str) -> None:
    """That *text* is a condition, or is refused with a place in it and a message that can be sent."""
    error = refused(text)
    assert error is None or (0 <= error.place <= len(text) and str(error).encode())


@given(conditions, st.lists(rows, min_size=1, max_size=12))
def test_mask_is_what_single_rows_say(tree: Tree, market: list[Row]) -> None:
    """A condition takes exactly those rows for which a reader of one row after the other finds it true."""
    text = text_of(tree)
    assume(len(text) <= 400)  # so that it is within all limits
    mask = compile_where(text).mask(columns_of(market))

    assert mask.tolist() == [value_of(tree, row) is True for row in market]


@given(conditions, st.lists(rows, max_size=6))
def test_a_condition_and_its_negation_share_no_row(tree: Tree, market: list[Row]) -> None:
    """Of a condition and its negation at most one holds; for the rows that neither takes it is unknown."""
    text = text_of(tree)
    assume(len(text) <= 390)
    columns = columns_of(market)
    holds = compile_where(text).mask(columns)
    fails = compile_where(f"not ({text})").mask(columns)

    assert not (holds & fails).any()
    assert (~(holds | fails)).tolist() == [value_of(tree, row) is None for row in market]


@given(valid)
def test_space_before_a_condition_moves_the_place(text: str) -> None:
    """Where an error is does not depend on what stands before it: places are counted in characters."""
    wrong = f"{text} and foo > 1"
    for before in ("", "  ", "'é😀' == symbol and "):
        assume(len(before + wrong) <= 400)
        error = refused(before + wrong)

        assert error is not None
        assert error.place == len(before) + len(text) + len(" and ")


@given(any_text | some_words)
def test_any_text_is_compiled_or_refused(text: str) -> None:
    """Whatever is sent, the worst that comes of it is an error with a place, without a warning."""
    check(text)


@given(mutated())
def test_mutated_condition_is_compiled_or_refused(text: str) -> None:
    """What is nearly a condition is refused like everything else, or is one."""
    check(text)


pieces = st.lists(
    st.sampled_from(["(", "[", "a", "5", "-", "not ", ",", "*", "<", " in ", "known(", ")", "]", " or "]),
    min_size=1, max_size=4,
).map("".join)  # fmt: skip


@given(pieces, st.integers(1, MOST_CHARACTERS), pieces, st.sampled_from(["", ")", "]", "])"]))
def test_repeated_piece_takes_no_exponential_time(
    piece: str, times: int, end: str, closing: str
) -> None:
    """Nesting as deep as there may be ends within the time of a test: twice per level would outlast the world."""
    for repeated in {min(times, DEEPEST), min(times, MOST_CHARACTERS // len(piece))}:
        check((piece * repeated + end + closing * repeated)[:MOST_CHARACTERS])
