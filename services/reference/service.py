"""The program `reference`: what is known of symbols before a trading day, from the vendor's REST API into KV.

Nothing here is in the path of the tape: rows are published without what is missing, and completed
later. What comes for the whole market in a few calls comes first (previous closes within a second
or so), what must be asked for symbol by symbol last and in the background.
Which day was the one before, the vendor's own answers say: days without bars (week-ends, holidays,
unscheduled closures) are empty.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import date
from secrets import SystemRandom

from mesh import clock, topology
from mesh.backoff import delays_s
from mesh.calendar import Calendar, calendar_with
from mesh.errors import SettingsError
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.service import Says, join
from mesh.settings import Settings
from schemas.naming import Bucket
from schemas.reference import SymbolDay
from schemas.wire import DecodeError, Wire, json_decoder
from services.reference import figures
from services.reference.background import Background
from services.reference.budget import Budget
from services.reference.loader import Loader
from services.reference.responder import Responder
from services.reference.shelf import Shelf
from services.reference.vendor import Vendor


_PATIENCE_S = 5.0
"""Longest that the start waits for the vendor."""
_PREWARM_MS = 3 * 3_600_000
"""So long before 04:00 a trading day is loaded: the day before is over at the vendor's by then."""
_LOOK_S = 30.0
_IDLE_S = 3600.0


class _BoardDay(Wire, frozen=True):
    trading_day: str = ""


_decode_day = json_decoder(_BoardDay).decode


class Days:
    """Sees to it that the days that matter are loaded."""

    def __init__(self, loader: Loader) -> None:
        self.tried = asyncio.Event()
        """Set when each of the first days was tried once."""
        self._loader = loader
        self._more = asyncio.Event()

    async def insist(self, days: list[str]) -> None:
        """Load *days*; then try whatever is still wanted again and again, for ever."""
        for day in days:
            await self._loader.begin(day)
        self.tried.set()
        waits = _delays()
        while True:
            for day in sorted(self._loader.wanted):
                await self._loader.load(day)
            if not self._loader.wanted:
                waits = _delays()
            with suppress(TimeoutError):
                async with asyncio.timeout(next(waits) if self._loader.wanted else _IDLE_S):
                    await self._more.wait()
            self._more.clear()

    async def follow(self, boards: KeyValue) -> None:
        """Load each trading day that the market turns out to have reached, for ever."""
        async for entry in boards.watch():
            day = _day_of(entry.value or b"{}")
            if day:
                await self._add(day)

    async def prewarm(self) -> None:
        """Load each trading day some hours before it begins, for ever."""
        while True:
            due_ms, day = next_prewarm(int(clock.now_ms()), self._loader.calendar)
            if due_ms <= clock.now_ms():
                await self._add(day)
            await asyncio.sleep(_LOOK_S)

    async def _add(self, day: str) -> None:
        if day not in self._loader.loaded and day not in self._loader.wanted:
            await self._loader.begin(day)
            self._more.set()


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Load the days that were asked for, or today and each next one; then each day that the boards come to; until told to stop."""
    first_days = _days(settings.reference_days)
    budget = Budget(settings.reference_calls, clock.monotonic_s())
    vendor, for_people = Vendor(settings, budget), Vendor(settings, budget, "people")
    async with join(settings, lifecycle, "reference") as service:
        connection = service.connection
        await topology.keep(connection, settings.replicas)
        shelf = Shelf(connection, settings.partitions, lifecycle.log)
        calendar = calendar_with(settings.closures)
        loader = Loader(vendor, shelf, lifecycle, calendar, settings.reference_history)
        background = Background(vendor, loader, shelf, lifecycle, settings.reference_curves)
        await loader.restore()
        days = Days(loader)

        def today() -> date:
            """Of the market that is played, or, live, in New York."""
            if first_days:
                return date.fromisoformat(loader.latest.name if loader.latest else first_days[-1])
            return date.fromisoformat(calendar.day_at(int(clock.now_ms())).name)

        service.says = Says(
            lambda: {"days": sorted(loader.loaded), "wanted": sorted(loader.wanted)},
            lambda: _counters(vendor, loader, shelf, background),
        )
        most_bytes = settings.reference_cache_mb << 20
        responder = Responder(connection, for_people, today, most_bytes, lifecycle)
        lifecycle.meters.add(
            lambda: figures.of(vendor, for_people, loader, responder, settings.reference_calls)
        )
        work = [
            responder.run(),
            days.insist(first_days or [calendar.day_at(int(clock.now_ms())).name]),
            days.follow(KeyValue(connection, Bucket.BOARDS)),
            background.run(),
        ]
        if not first_days:
            work.append(days.prewarm())
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in work]
            await responder.up.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await days.tried.wait()
            lifecycle.ready(days=len(loader.loaded), symbols=max(loader.loaded.values(), default=0))
            await lifecycle.stopping.wait()
            for task in running:
                task.cancel()
    answers = {"answered": responder.answered, "answered_by_calls": for_people.calls}
    return {**_counters(vendor, loader, shelf, background), **answers}


def _counters(vendor: Vendor, loader: Loader, shelf: Shelf, background: Background) -> Counters:
    symbols = loader.latest.symbols.values() if loader.latest is not None else ()
    return {
        "days": len(loader.loaded),
        "missing": sorted(loader.wanted),
        "calls": vendor.calls,
        "failures": vendor.failures,
        "symbols": len(symbols),
        "without": {
            name: sum(each is None for each in column) for name, column in _columns(symbols)
        },
        "renamed": len(loader.renames),
        "curves": background.curves,
        "too_large": sorted(shelf.too_large),
    }


def _columns(symbols: Collection[SymbolDay]) -> Iterator[tuple[str, list[object]]]:
    """What may be missing of a symbol, of all of them."""
    yield "close", [each.previous_close_usd for each in symbols]
    yield "average_volume", [each.average_volume_shares for each in symbols]
    yield "float", [each.free_float_shares for each in symbols]
    yield "shares", [each.shares_outstanding for each in symbols]
    yield "name", [each.name for each in symbols]


def next_prewarm(now_ms: int, calendar: Calendar) -> tuple[int, str]:
    """When to load which day: the first trading day whose pre-market has not begun."""
    day = calendar.day_at(now_ms)
    if not day.is_trading_day or day.pre_ms <= now_ms:
        day = calendar.next_trading_day(day)
    return day.pre_ms - _PREWARM_MS, day.name


def _days(text: str) -> list[str]:
    """The days that *text* names."""
    days = [day.strip() for day in text.split(",") if day.strip()]
    strange = [day for day in days if not _is_day(day)]
    if strange:
        raise SettingsError(
            [f"MESH_REFERENCE_DAYS must be ISO dates (2024-10-02), was {', '.join(strange)}"]
        )
    return days


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _day_of(board: bytes) -> str:
    """The trading day of a board; empty if it is none of ours."""
    try:
        day = _decode_day(board).trading_day
    except DecodeError:
        return ""
    return day if _is_day(day) else ""


def _delays() -> Iterator[float]:
    return delays_s(2.0, 60.0, SystemRandom().random)
