"""The counters of `/metrics` add up, whatever happens to events on their way: none is lost without being counted."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from mesh import clock
from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.market import Bar, Batch
from schemas.naming import MarketClass, tape_subject
from schemas.wire import encode_msgpack
from services.simulator.events import TapeEvent
from services.simulator.feed import TapeFeed
from services.simulator.player import Unpaced
from tests.mesh.exposed import Figures, figures
from tests.mesh.programs import RunningProgram
from tests.services.listener.vendor import fed
from tests.services.simulator.listening import served, trade
from tests.system.programs import running_mesh


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

START_MS = 1_727_875_800_000
GOOD, AGAIN, BROKEN = 3000, 200, 7
EPOCH = 77


def _events() -> list[TapeEvent]:
    """Trades, of which some come again at the end, with frames among them that are none."""
    good = [trade(START_MS + n, f"S{n % 50}", n) for n in range(GOOD)]
    broken = [
        TapeEvent(START_MS + 9 * n, "T", "F", b'{"ev":"T","sym":"F","p":-1}') for n in range(BROKEN)
    ]
    first = sorted((*good, *broken), key=lambda event: event.time_ms)
    again = [trade(START_MS + GOOD + n, f"S{n % 50}", n) for n in range(AGAIN)]
    return [*first, *again]


def _heard(shown: Figures) -> float:
    return shown.of("fold_heard_total") - shown.of("fold_duplicates_total")


async def _until(program: RunningProgram, fits: Callable[[Figures], bool]) -> Figures:
    """What *program* shows as soon as it fits."""

    async def look() -> Figures:
        return await figures(program)

    ask: Callable[[], Awaitable[Figures]] = look
    return await eventually(ask, fits, timeout_s=60)


async def test_recording_adds_up(settings: Settings, tmp_path: Path) -> None:
    """Of all that a vendor sends, listener and owners say what became of it: published and rejected, folded and late."""
    async with served(TapeFeed(_events(), Unpaced())) as port:
        chosen = msgspec.structs.replace(fed(settings, port), lossless=True, partitions=4)
        async with running_mesh(chosen, tmp_path, ("processors", "listener")) as programs:
            sent = GOOD + AGAIN + BROKEN
            heard = await _until(
                programs["listener"], lambda shown: shown.of("tape_received_total") == sent
            )
            folded = await _until(
                programs["processors"], lambda shown: _heard(shown) == GOOD + AGAIN
            )
            # What is late is known once it is folded.
            folded = await _until(
                programs["processors"], lambda shown: shown.of("fold_late_total") == AGAIN
            )

    assert heard.of("tape_rejected_total") == BROKEN
    assert heard.of("tape_published_total") == GOOD + AGAIN
    assert heard.of("tape_discarded_total") == heard.of("tape_unstored_total") == 0
    assert folded.of("fold_folded_total") == GOOD
    assert folded.of("fold_discarded_total") == 0
    assert folded.of("latency_processed_seconds_count") > 0
    assert {each.labels["partition"] for each in folded.values if "partition" in each.labels} == {
        "0", "1", "2", "3",
    }  # fmt: skip


def _batch(number: int, before: int, *seconds: int) -> bytes:
    prices = (1.0, 1.0, 1.0, 1.0)
    bars = [
        Bar(
            "A", START_MS + 1000 * each, START_MS + 1000 * (each + 1), *prices, 1.0,
            None, None, None, None,
        )
        for each in seconds
    ]  # fmt: skip
    return encode_msgpack(Batch(EPOCH, number, before, clock.now_ms(), bars))


async def test_what_is_lost_twice_and_unreadable_adds_up(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """Batches that come twice, never, or as garbage are duplicates, discarded and rejected; together with the folded they are all there were."""
    single = msgspec.structs.replace(settings, partitions=1)
    subject = tape_subject(MarketClass.BARS, 0)
    async with running_mesh(single, tmp_path, ("processors",)) as programs:
        for payload in (
            _batch(0, 0, 1, 2, 3),
            _batch(0, 0, 1, 2, 3),  # twice
            b"garbage",
            _batch(2, 5, 9, 8, 10),  # what was before it, two bars, nobody has; and one is late
        ):
            await connection.publish(subject, payload)
        await connection.flush()
        shown = await _until(programs["processors"], lambda found: _heard(found) == 8)
        shown = await _until(programs["processors"], lambda found: found.of("fold_late_total") == 1)

    assert shown.of("fold_heard_total") == 8 + shown.of("fold_duplicates_total")
    assert shown.of("fold_folded_total") == 5
    assert shown.of("fold_discarded_total") == 2
    assert shown.of("fold_late_total") == 1
    # Once as they came, and once more where the stream was read for what is missing.
    assert (shown.of("fold_duplicates_total"), shown.of("fold_rejected_total")) == (3 + 6, 1 + 1)
    assert shown.of("fold_gaps_total", reason="missed") == 1
    assert shown.of("fold_gaps_total", reason="lost") == 1
