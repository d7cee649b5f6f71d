"""What the page's module makes of frames, against tables that Python keeps; and its checksum against Python's."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Page

from schemas.wire import encode_json
from tests.services.widgets.histories import AWKWARD, SYMBOLS, Cells, History, checksum
from tests.services.widgets.scripted import Script


pytestmark = pytest.mark.slow

FOLLOW = """async (histories) => {
    const { TableState } = await import("/mesh-client.js");
    return histories.map((frames) => {
        const state = new TableState();
        return frames.map((text) => {
            const frame = JSON.parse(text);
            const before = [state.order, new Map(state.rows), JSON.stringify([...state.rows])];
            const taken = frame.type === "snap" ? (state.snap(frame), true) : state.delta(frame);
            return {
                taken, crc: state.crc(), diverged: state.diverged, seq: state.seq, total: state.total,
                rows: state.order.map((symbol) => state.rows.get(symbol)), held: state.rows.size,
                untouched: JSON.stringify([...before[1]]) === before[2],
            };
        });
    });
}"""


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page with nothing on it, which may load the module."""
    async with Script().running() as script:
        made = await browser.new_page()
        await made.goto(f"{script.url}blank")
        yield made


def same(shown: Cells, row: Cells) -> bool:
    """Whether a row of the page is *row*, in doubles."""
    return [repr(_double(cell)) for cell in shown] == [repr(_double(cell)) for cell in row]


def _double(cell: Any) -> Any:
    return cell if cell is None or isinstance(cell, str) else float(cell)


async def test_state_follows_every_history(page: Page) -> None:
    """After each frame of 200 random histories rows, order and checksum are Python's, and no old row was touched."""
    expected: list[list[tuple[list[Cells], int]]] = []
    sent: list[list[str]] = []
    for seed in range(200):
        history = History(seed)
        frames = [encode_json(history.snap()).decode()]
        states = [(history.rows, history.seq)]
        for _ in range(15):
            frames.append(encode_json(history.delta()).decode())
            states.append((history.rows, history.seq))
        sent.append(frames)
        expected.append(states)
    found = await page.evaluate(FOLLOW, sent)

    for told, states in zip(found, expected, strict=True):
        for state, (rows, seq) in zip(told, states, strict=True):
            assert state["taken"]
            assert not state["diverged"]
            assert state["untouched"]
            assert state["crc"] == checksum(rows)
            assert state["seq"] == seq
            assert state["held"] == len(rows) == len(state["rows"])
            assert all(same(shown, row) for shown, row in zip(state["rows"], rows, strict=True))


async def test_checksum_is_that_of_the_documentation(page: Page) -> None:
    """Every awkward cell and symbol goes into the checksum byte by byte as the documentation says."""
    tables = [[[symbol, cell] for symbol in SYMBOLS] for cell in AWKWARD] + [[]]
    tables.append([[symbol, cell] for symbol, cell in zip(SYMBOLS, AWKWARD, strict=False)])
    texts = [encode_json(rows).decode() for rows in tables]
    found = await page.evaluate(
        """async (texts) => {
            const { tableCrc } = await import("/mesh-client.js");
            return texts.map((text) => {
                const rows = JSON.parse(text);
                return tableCrc(rows.map((row) => row[0]), new Map(rows.map((row) => [row[0], row])), 2);
            });
        }""",
        texts,
    )

    assert found == [checksum(rows) for rows in tables]
    assert len(set(found)) == len({repr(_double(cell)) for cell in AWKWARD}) + 2


async def test_state_notices_what_does_not_fit(page: Page) -> None:
    """A delta for another position is not applied; a wrong checksum, or a cell of a row that is not there, is noticed."""
    history = History(7)
    snap = history.snap()
    delta = history.delta(crc=checksum(history.rows) ^ 1)
    other = msgspec.structs.replace(delta, after=delta.after - 1)
    stray = msgspec.structs.replace(delta, crc=None, cells=[[1, [1.0], [99]]])
    found = await page.evaluate(
        FOLLOW,
        [[encode_json(frame).decode() for frame in (snap, last)] for last in (delta, other, stray)],
    )

    assert [told[0]["diverged"] for told in found] == [False] * 3
    assert [told[1]["taken"] for told in found] == [True, False, True]
    assert [told[1]["diverged"] for told in found] == [True, False, True]
    assert found[1][1]["seq"] == snap.seq


async def test_sequence_keeps_the_newest_and_leaves_nothing_out(page: Page) -> None:
    """Values are appended in order and the oldest forgotten; a gap is refused, and a new beginning taken."""
    found = await page.evaluate(
        """async () => {
            const { SequenceState } = await import("/mesh-client.js");
            const state = new SequenceState();
            const event = (epoch, after, values) =>
                state.event({ epoch, after, seq: after + values.length, values });
            const numbers = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);
            const taken = [event("a", 0, []), event("a", 0, numbers(0, 700))];
            taken.push(event("a", 700, numbers(700, 1200)), event("a", 1201, [0]), event("b", 1200, [0]));
            const kept = [state.values.length, state.values[0], state.values.at(-1), state.fresh.length];
            taken.push(event("b", 0, [5, 6]));
            return { taken, kept, values: state.values, seq: state.seq };
        }"""
    )

    assert found == {
        "taken": [True, True, True, False, False, True],
        "kept": [1000, 200, 1199, 500],
        "values": [5, 6],
        "seq": 2,
    }
