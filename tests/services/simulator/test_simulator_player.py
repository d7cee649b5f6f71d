"""Pacing: when events are due, and in which portions."""

import pytest

from mesh import clock
from services.simulator.events import TapeEvent
from services.simulator.player import Pacer, RealTime, Unpaced, due
from tests.services.simulator.listening import Gate, trade


DAY_ONE_MS = 1_727_875_800_000
"""2024-10-02 09:30 in New York."""
DAY_TWO_MS = DAY_ONE_MS + 86_400_000


async def _portions(events: list[TapeEvent], pacer: Pacer, reached_ms: int = 0) -> list[list[int]]:
    return [[event.time_ms for event in chunk] async for chunk in due(events, pacer, reached_ms)]


async def test_unpaced_gives_full_frames() -> None:
    """As fast as they are read, events come in portions of 500, the last one shorter."""
    portions = await _portions([trade(DAY_ONE_MS + n) for n in range(2750)], Unpaced())

    assert [len(portion) for portion in portions] == [500, 500, 500, 500, 500, 250]


async def test_events_wait_for_their_time() -> None:
    """Nothing is given before the pacer releases it; what is due at once comes together."""
    gate = Gate(DAY_ONE_MS + 10)
    chunks = due([trade(DAY_ONE_MS + n) for n in (0, 10, 10, 11, 12)], gate)
    first = await anext(chunks)
    gate.until_ms = DAY_ONE_MS + 100

    assert [event.time_ms - DAY_ONE_MS for event in first] == [0, 10, 10]
    assert [event.time_ms - DAY_ONE_MS for event in await anext(chunks)] == [11, 12]
    await chunks.aclose()


async def test_night_is_not_waited_for() -> None:
    """A day's first event restarts the pace, so the gap between two days takes no time."""
    gate = Gate(DAY_TWO_MS + 86_400_000)
    portions = await _portions([trade(DAY_ONE_MS), trade(DAY_TWO_MS), trade(DAY_TWO_MS + 5)], gate)

    assert portions == [[DAY_ONE_MS], [DAY_TWO_MS, DAY_TWO_MS + 5]]
    assert gate.resumed == [DAY_ONE_MS, DAY_TWO_MS]


async def test_what_was_reached_is_not_paced_again() -> None:
    """Events up to the point reached are due at once; the pace goes on from that point."""
    gate = Gate(DAY_TWO_MS + 50)
    events = [trade(DAY_ONE_MS), trade(DAY_TWO_MS), trade(DAY_TWO_MS + 50)]
    portions = await _portions(events, gate, reached_ms=DAY_TWO_MS + 20)

    assert portions == [[DAY_ONE_MS, DAY_TWO_MS], [DAY_TWO_MS + 50]]
    assert gate.resumed == [DAY_TWO_MS + 20]


@pytest.mark.parametrize(("speed", "least_s", "most_s"), [(1.0, 0.15, 5.0), (100.0, 0.0, 0.14)])
async def test_real_time_passes_with_its_speed(speed: float, least_s: float, most_s: float) -> None:
    """150 ms of event time take as long on the wall clock, or a hundredth of it, plus at most ticks."""
    began_s = clock.monotonic_s()
    await _portions([trade(DAY_ONE_MS), trade(DAY_ONE_MS + 150)], RealTime(speed))

    assert least_s <= clock.monotonic_s() - began_s < most_s


async def test_being_late_releases_what_is_due() -> None:
    """A pacer that was not asked for a while releases all that became due, without waiting."""
    pacer = RealTime(1e9)
    pacer.resume(DAY_ONE_MS)

    assert await pacer.release(DAY_ONE_MS + 1) > DAY_ONE_MS + 1
