"""Bands, limit states and pauses of the synthetic market, read by the fold that the mesh uses."""

from collections import defaultdict
from itertools import pairwise, takewhile

import msgspec
import pytest

from mesh.calendar import day_at
from schemas.alert import AlertKind
from schemas.luld import (
    BAND,
    INTRADAY,
    LIMIT_MS,
    OPENING,
    OUTSIDE_HOURS,
    PAUSE_MS,
    REOPENED,
    SUSPENDED,
)
from schemas.market import Halt
from schemas.massive import CONVERT, VendorHalt, VendorTrade, decode_frame
from services.processors.halts import HaltDay, Transition, fold_halts
from services.simulator.chance import seeded
from services.simulator.events import TapeEvent
from services.simulator.luld import UPDATE_MS, Luld
from services.simulator.market import Market, start_of
from services.simulator.universe import Listing, to_grid


START = "2026-01-05T09:29:50"
NASDAQ, NYSE = 3, 1


@pytest.fixture(scope="module")
def opening() -> list[TapeEvent]:
    """Ten minutes from an open, of a market in which three symbols run at once."""
    market = Market(seed=3, symbols=1500, start_ms=start_of(START), trades_a_s=20)
    until_ms = start_of(START) + 10 * 60_000
    return list(takewhile(lambda event: event.time_ms <= until_ms, market))


def _halts(events: list[TapeEvent]) -> list[Halt]:
    payloads = b",".join(event.payload for event in events if event.ev == "LULD")
    decoded, rejected = decode_frame(f"[{payloads.decode()}]")
    assert rejected == 0
    return [CONVERT[VendorHalt][1](event) for event in decoded]  # type: ignore[misc]


def _told(halts: list[Halt]) -> list[Transition]:
    states: dict[str, HaltDay] = {}
    late, told = fold_halts(states, halts, day_at, set())
    assert late == 0
    return told


def test_pauses_last_five_minutes_and_limit_states_come_to_an_end(opening: list[TapeEvent]) -> None:
    """The fold finds pauses that end after five minutes, and limit states of at most 15 s."""
    by_symbol: dict[str, list[Transition]] = defaultdict(list)
    for transition in _told(_halts(opening)):
        by_symbol[transition.symbol].append(transition)
    kinds = {each.kind for mine in by_symbol.values() for each in mine}

    assert kinds == {AlertKind.LIMIT, AlertKind.HALT, AlertKind.RESUME}
    for mine in by_symbol.values():
        for before, after in pairwise(mine):
            passed_ms = after.event_ms - before.event_ms
            if before.kind is AlertKind.HALT:
                assert (after.kind, passed_ms) == (AlertKind.RESUME, PAUSE_MS)
            elif after.kind is AlertKind.HALT and before.kind is AlertKind.LIMIT:
                assert passed_ms == LIMIT_MS


def test_nobody_trades_in_a_pause(opening: list[TapeEvent]) -> None:
    """Between the word that a symbol is paused and the one that it reopens there is no print of it."""
    paused: set[str] = set()
    pauses = prints = 0
    frame = b",".join(event.payload for event in opening if event.ev in {"LULD", "T"})
    decoded, _ = decode_frame(f"[{frame.decode()}]")
    for event in decoded:
        if isinstance(event, VendorHalt) and event.i == (SUSPENDED,):
            paused.add(event.T)
            pauses += 1
        elif isinstance(event, VendorHalt) and event.i == (REOPENED,):
            paused.discard(event.T)
        elif isinstance(event, VendorTrade):
            prints += 1
            assert event.sym not in paused

    assert pauses >= 2
    assert prints > 1000


def test_bands_move_seldom_and_by_enough(opening: list[TapeEvent]) -> None:
    """New bands come half a minute after the last, with a middle that is about a percent away or more."""
    last: dict[str, Halt] = {}
    moved = 0
    for halt in _halts(opening):
        if {INTRADAY, BAND, OPENING, REOPENED}.isdisjoint(halt.indicators):
            continue
        before = last.get(halt.symbol)
        if before is not None and REOPENED not in halt.indicators:
            assert halt.event_ms - before.event_ms >= UPDATE_MS
            assert abs(_middle(halt) / _middle(before) - 1) > 0.005  # bands are rounded to cents
            moved += 1
        last[halt.symbol] = halt

    assert moved > 5


def _middle(halt: Halt) -> float:
    assert halt.upper_band_usd is not None
    assert halt.lower_band_usd is not None
    return (halt.upper_band_usd + halt.lower_band_usd) / 2


def test_each_tape_tells_what_its_processor_does(opening: list[TapeEvent]) -> None:
    """Pauses are told of Nasdaq-listed symbols only, limit states of the others only."""
    decoded = [msgspec.json.decode(event.payload) for event in opening if event.ev == "LULD"]
    codes = {tape: {event["i"][0] for event in decoded if event["z"] == tape} for tape in (1, 2, 3)}

    assert codes[3] <= {14, 15, 16, 17, 18}
    assert {17, 18} <= codes[3]
    assert codes[1] | codes[2] <= {21, 22, 23, 24, 25, 26}
    assert {21, 23} <= codes[1] | codes[2]


def _luld(*listings: Listing) -> Luld:
    return Luld(seeded(1), day_at(start_of(START)), list(listings), set())


@pytest.mark.parametrize("tape", [NASDAQ, NYSE])
@pytest.mark.parametrize("part", [1.2, 0.8])
def test_price_stands_still_at_the_band(tape: int, part: float) -> None:
    """Who runs into a band is held there without a step, and steps again afterwards."""
    listing = Listing("ABC", tape, to_grid(50.0), 0.004)
    luld = _luld(listing)
    at_ms = start_of("2026-01-05T10:00:00")
    luld.second(at_ms)
    listing.fair_usd *= part
    luld.second(at_ms + 1000)
    held_usd, held_step = listing.fair_usd, listing.step
    for second in range(2, 20):
        luld.second(at_ms + 1000 * second)

    assert (held_usd, held_step) == (55.0 if part > 1 else 45.0, 0.0)
    assert (listing.step, luld.at_band) == (0.004, set())


def test_close_ends_everything() -> None:
    """At the close bands go, and whoever was at one or paused trades as before."""
    listing = Listing("ABC", NASDAQ, to_grid(50.0), 0.004)
    luld = _luld(listing)
    close_ms = day_at(start_of(START)).close_ms
    luld.second(close_ms - 3000)
    listing.fair_usd *= 1.3
    luld.second(close_ms - 2000)
    at_band = set(luld.at_band)
    told = _halts(luld.second(close_ms))

    assert at_band == {listing}
    assert [each.indicators for each in told] == [(OUTSIDE_HOURS,)]
    assert (luld.at_band, luld.paused, listing.step) == (set(), set(), 0.004)
    assert luld.second(close_ms + 1000) == luld.restated(listing, close_ms + 1000) == []


def test_paused_symbol_is_told_again_on_its_own_tape_only() -> None:
    """A repeated word about a paused Nasdaq-listed symbol has no bands; of others none is sent."""
    listings = [
        Listing("ABC", NASDAQ, to_grid(50.0), 0.004),
        Listing("XYZ", NYSE, to_grid(50.0), 0.004),
    ]
    luld = _luld(*listings)
    luld.paused.update(listings)
    told = [_halts(luld.restated(listing, start_of("2026-01-05T10:00:00"))) for listing in listings]

    assert [[each.indicators for each in found] for found in told] == [[(SUSPENDED,)], []]
    assert (told[0][0].upper_band_usd, told[0][0].lower_band_usd) == (None, None)
