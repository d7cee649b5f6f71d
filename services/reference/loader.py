"""Loads trading days: first their previous closes, then everything that is asked for in bulk."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from mesh import clock
from mesh.calendar import Calendar
from mesh.errors import BrokerError
from mesh.lifecycle import Lifecycle
from schemas.reference import LoadedParts, Part, Reference, SymbolDay
from services.reference import answers
from services.reference.bulk import PARTS, Bulk, Rename
from services.reference.daily import AVERAGE_DAYS
from services.reference.held import Held
from services.reference.measure import Sources, reference
from services.reference.parts import Parts
from services.reference.shelf import Shelf
from services.reference.vendor import RefusedError, UnavailableError, Vendor


_EMPTY_DAYS = 10
"""So many week-days without bars end the history: the longest closure since 1933 lasted six days (September 2001)."""
_RECENT_DAYS = 4
_SATURDAY = 5
_KEEP_DAYS = 14


class Loaded(NamedTuple):
    """A trading day, as far as it is loaded."""

    name: str
    number: int
    """`date.toordinal`."""
    symbols: dict[str, SymbolDay]
    complete: bool


class Loader:
    """Puts what is known before trading days into KV, and remembers what is still wanted."""

    def __init__(
        self,
        vendor: Vendor,
        shelf: Shelf,
        lifecycle: Lifecycle,
        calendar: Calendar,
        history_days: int,
    ) -> None:
        self.calendar = calendar
        self.loaded: dict[str, int] = {}
        """Day → how many symbols have a previous close."""
        self.wanted: set[str] = set()
        """Days of which something is missing that may still come."""
        self.latest: Loaded | None = None
        """The last trading day that was loaded."""
        self.advanced = asyncio.Event()
        """Set whenever `latest` has changed."""
        self.held = Held()
        self.bulk = Bulk(vendor, lifecycle.log)
        self.renames: dict[str, Rename] = {}
        """By the new ticker."""
        self.parts: dict[str, Parts] = {}
        """By symbol."""
        self._vendor = vendor
        self._shelf = shelf
        self._log = lifecycle.log
        self._history_days = history_days
        self._restored: dict[str, Loaded] = {}
        """Days that an earlier run has loaded, and of which no bars are held here."""
        self._put_before: set[str] = set()
        """Days that an earlier run has put, however old that is."""
        self._full: set[str] = set()
        """Days whose bars are all there."""
        self._first_day = 0
        """Before this day there is no history."""
        self._loading = asyncio.Lock()

    async def restore(self) -> None:
        """Begin with what an earlier run has put.

        Raises:
            BrokerError: the bucket does not answer.
        """
        await self._shelf.restore()
        for symbol, found in self._shelf.references.items():
            self.parts[symbol] = Parts(found.parts)
            if found.renamed_from is not None and found.renamed_day is not None:
                day = date.fromisoformat(found.renamed_day).toordinal()
                self.renames[symbol] = Rename(found.renamed_from, day)

    async def begin(self, name: str) -> None:
        """Load the previous closes of a day, if they are not; a failure leaves the day wanted."""
        async with self._loading:
            if name in self.loaded:
                return
            self.wanted.add(name)
            try:
                if not await self._resume(name):
                    await self._load_closes(name)
            except (UnavailableError, BrokerError) as error:
                self._log.warning("reference.failed", day=name, reason=str(error))

    async def complete(self, name: str) -> None:
        """Load all the rest of a day; a failure leaves the day wanted."""
        async with self._loading:
            if name not in self.loaded or name not in self.wanted or not self._can_grow(name):
                return
            await self._try_rest(name)

    async def load(self, name: str) -> None:
        """Load a day, as far as it can be."""
        await self.begin(name)
        await self.complete(name)

    async def reload(self) -> None:
        """Compute the latest day anew, after more has become known of some symbols."""
        async with self._loading:
            if self.latest is None:
                return
            name = self.latest.name
            self._restored.pop(name, None)
            self._full.discard(name)
            await self._try_rest(name)

    async def put_again(self) -> None:
        """Put the latest day again, after `tell_shares`.

        Raises:
            BrokerError: not stored.
        """
        day = self.latest
        if day is not None:
            await self._shelf.put_day(day.name, day.symbols.values(), complete=day.complete)

    async def put_reference(self, symbol: str) -> None:
        """Put what people read of *symbol*; what cannot be put now is put with the next day."""
        if self.latest is not None and symbol in self.latest.symbols:
            found = self.latest.symbols[symbol]
            rename = self.renames.get(symbol)
            states = self.parts_of(symbol).states
            with suppress(BrokerError):
                await self._shelf.put_references(
                    [reference(self.latest.name, found, states, rename)]
                )

    def tell_shares(self, symbol: str, shares: float) -> None:
        """Take the shares outstanding of *symbol* into the latest day."""
        if self.latest is not None:
            found = self.latest.symbols[symbol]
            self.latest.symbols[symbol] = replace(found, shares_outstanding=shares)

    def parts_of(self, symbol: str) -> Parts:
        """What is known of the parts of *symbol*."""
        return self.parts.setdefault(symbol, Parts())

    async def _try_rest(self, name: str) -> None:
        try:
            await self._load_rest(name)
        except (UnavailableError, BrokerError) as error:
            self.wanted.add(name)
            self._log.warning("reference.incomplete", day=name, reason=str(error))

    def _can_grow(self, name: str) -> bool:
        """Whether there is anything to ask for a day; a part that has just failed is left alone."""
        now_ms = clock.now_ms()
        is_due = any(self.bulk.parts.is_due(part, now_ms) for part in PARTS)
        return is_due or name not in self._full or self._is_eve_late(_number(name))

    def _is_eve_late(self, number: int) -> bool:
        """Whether the vendor has no bars yet of the trading day before, which has just been."""
        day = self.calendar.day_of(date.fromordinal(number))
        eve = self.calendar.previous_trading_day(day)
        return self._is_recent(_number(eve.name)) and _number(eve.name) not in self.held.days

    def _is_recent(self, number: int) -> bool:
        today = self.calendar.day_at(int(clock.now_ms()))
        return abs(_number(today.name) - number) <= _RECENT_DAYS

    async def _resume(self, name: str) -> bool:
        """Whether the bars of a day were loaded by an earlier run, so that only what is too old need be asked."""
        found = await self._shelf.day(name)
        if found is None:
            return False
        self._put_before.add(name)
        symbols, loaded = found
        parts, now_ms = Parts(loaded.parts), clock.now_ms()
        if parts.is_due("daily", now_ms) or parts.is_due("splits", now_ms):
            return False
        self.bulk.parts = parts
        day = Loaded(name, _number(name), {each.symbol: each for each in symbols}, complete=True)
        self._restored[name] = day
        self.loaded[name] = sum(each.previous_close_usd is not None for each in symbols)
        if not any(parts.is_due(part, now_ms) for part in PARTS):
            self.wanted.discard(name)
            self._now_at(day)
        self._log.info("reference.resumed", day=name, symbols=len(symbols))
        return True

    async def _load_closes(self, name: str) -> None:
        number = _number(name)
        self.held.forget(number - 2 * self._history_days - _KEEP_DAYS)
        await self.bulk.refresh(("splits",), self._window_start(number))
        await self._hold(number, 1)
        await self._publish(name, complete=False)
        self._log.info("reference.loaded", day=name, symbols=self.loaded[name])

    async def _load_rest(self, name: str) -> None:
        number = _number(name)
        await self.bulk.refresh(PARTS, self._window_start(number))
        failed = [part for part in PARTS if self.bulk.parts.has_failed(part)]
        if name in self._restored:
            day = await self._refresh(self._restored[name], complete=not failed)
        else:
            await self._hold(number, min(self._history_days, AVERAGE_DAYS + 2))
            await self._publish(name, complete=False)
            await self._hold(number, self._history_days)
            self.bulk.parts.note("daily", "value", clock.now_ms())
            day = await self._publish(name, complete=not failed, final=True)
        self._full.add(name)
        self._now_at(day)
        await self._shelf.put_references([*self._references(day)])
        await self._shelf.put_parts(LoadedParts(name, dict(self.bulk.parts.states)))
        if not failed and not self._is_eve_late(number):
            self.wanted.discard(name)
        self._log.info(
            "reference.completed", day=name, symbols=len(day.symbols), history=len(self.held.days), failed=failed
        )  # fmt: skip

    async def _refresh(self, day: Loaded, *, complete: bool) -> Loaded:
        """Put *day* again with what is known besides its bars by now."""
        sources = self._sources
        symbols = {
            each.symbol: sources.with_facts(each, day.number) for each in day.symbols.values()
        }
        await self._shelf.put_day(day.name, symbols.values(), complete=complete)
        return day._replace(symbols=symbols, complete=complete)

    def _now_at(self, day: Loaded) -> None:
        if self.latest is None or day.number >= self.latest.number:
            self.latest = day
            self.advanced.set()

    def _window_start(self, number: int) -> int:
        """A day before all days of the history: five of seven are trading days, but for holidays."""
        return number - (self._history_days * 3) // 2 - _KEEP_DAYS

    async def _hold(self, number: int, days: int) -> None:
        """Ask for bars back in time until *days* trading days before the day *number* are held.

        Raises:
            UnavailableError: a day could not be asked for; what was held stays so.
        """
        count = empty = 0
        day = number
        while count < days and empty < _EMPTY_DAYS and day > self._first_day:
            day -= 1
            if date.fromordinal(day).weekday() >= _SATURDAY:
                continue
            if day not in self.held.asked:
                await self._ask(day)
            is_traded = day in self.held.days
            count += is_traded
            empty = 0 if is_traded else empty + 1

    async def _ask(self, day: int) -> None:
        path = f"/v2/aggs/grouped/locale/us/market/stocks/{date.fromordinal(day).isoformat()}"
        try:
            found = await self._vendor.one(path, answers.BARS, adjusted="false")
        except RefusedError as error:
            if not self.held.days:
                raise UnavailableError(str(error)) from error
            self._first_day = max(self._first_day, day)  # a plan has so many years of history
            return
        bars = (found.results if found is not None else None) or ()
        if bars or not self._is_recent(day):  # the end of a day may not have reached the vendor
            self.held.add(day, bars)

    async def _publish(self, name: str, *, complete: bool, final: bool = False) -> Loaded:
        """Put a day as it stands; one that was put whole before is left as it was until the *final* time."""
        number, sources = _number(name), self._sources
        symbols = await asyncio.to_thread(
            lambda: {each.symbol: each for each in sources.symbols_before(number)}
        )
        closes = sources.closes_before(number, symbols)
        await self._shelf.put_closes(closes)
        self.loaded[name] = len(closes.closes_usd)
        if final or name not in self._put_before:
            await self._shelf.put_day(name, symbols.values(), complete=complete)
        return Loaded(name, number, symbols, complete)

    @property
    def _sources(self) -> Sources:
        return Sources(
            self.held, self.bulk, self.renames, self._shelf.references, self.calendar, self._history_days
        )  # fmt: skip

    def _references(self, day: Loaded) -> Iterator[Reference]:
        now_ms = clock.now_ms()
        daily_ms = self.bulk.parts.states.get("daily", Part("value", now_ms)).asof_ms
        for symbol, found in day.symbols.items():
            parts = self.parts_of(symbol)
            self.bulk.note_of(symbol, parts)
            state = "absent" if found.previous_close_usd is None else "value"
            parts.note("daily", state, daily_ms)  # type: ignore[arg-type]  # one of the two
            rename = self.renames.get(symbol)
            yield reference(day.name, found, parts.states, rename)


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal()
