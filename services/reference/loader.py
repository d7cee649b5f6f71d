"""Loads trading days: first their previous closes, then everything that is asked for in bulk."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from mesh import clock
from mesh.calendar import Calendar
from mesh.errors import BrokerError
from mesh.lifecycle import Lifecycle
from schemas.naming import is_symbol
from schemas.reference import LoadedParts, Part, PartName, PreviousCloses, Reference, SymbolDay
from services.reference import answers, daily
from services.reference.bulk import PARTS, Bulk, Rename
from services.reference.daily import AVERAGE_DAYS
from services.reference.held import Held
from services.reference.parts import Parts
from services.reference.shelf import Shelf
from services.reference.vendor import RefusedError, UnavailableError, Vendor


_EMPTY_DAYS = 10
"""So many week-days without bars end the history: the longest closure since 1933 lasted six days (September 2001)."""
_LISTED_DAYS = 10
"""Trading days within which a symbol must have traded, if it is not listed."""
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
        return name not in self._full or any(self.bulk.parts.is_due(part, now_ms) for part in PARTS)

    async def _resume(self, name: str) -> bool:
        """Whether the bars of a day were loaded by an earlier run, so that only what is too old need be asked."""
        found = await self._shelf.day(name)
        if found is None:
            return False
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
        self.loaded[name] = sum(1 for _ in self._closes_of_eve(number))
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
            day = await self._publish(name, complete=not failed)
        self._full.add(name)
        self._now_at(day)
        await self._shelf.put_references([*self._references(day)])
        await self._shelf.put_parts(LoadedParts(name, dict(self.bulk.parts.states)))
        if not failed:
            self.wanted.discard(name)
        self._log.info(
            "reference.completed", day=name, symbols=len(day.symbols), history=len(self.held.days), failed=failed
        )  # fmt: skip

    async def _refresh(self, day: Loaded, *, complete: bool) -> Loaded:
        """Put *day* again with what is known besides its bars by now."""
        symbols = {}
        for symbol, found in day.symbols.items():
            rename = self.renames.get(symbol)
            facts = self.bulk.facts(symbol, self._shelf.references.get(symbol), rename)
            splits = self.bulk.splits(symbol, rename)
            symbols[symbol] = daily.with_facts(found, facts, day.number, splits)
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
        except RefusedError:  # a plan has so many years of history and no more
            self._first_day = max(self._first_day, day)
            return
        self.held.add(day, (found.results if found is not None else None) or ())

    async def _publish(self, name: str, *, complete: bool) -> Loaded:
        number = _number(name)
        symbols = await asyncio.to_thread(
            lambda: {each.symbol: each for each in self._days(number)}
        )
        closes = {
            symbol: symbols[symbol].previous_close_usd or 0.0
            for symbol in self._closes_of_eve(number)
        }
        eve = self._eve(number)
        closes_day = None if eve is None else date.fromordinal(eve).isoformat()
        await self._shelf.put_closes(
            PreviousCloses(name, closes_day, {sym: usd for sym, usd in closes.items() if usd > 0})
        )
        await self._shelf.put_day(name, symbols.values(), complete=complete)
        return Loaded(name, number, symbols, complete)

    def _eve(self, number: int) -> int | None:
        return next((day for day in self.held.days if day < number), None)

    def _closes_of_eve(self, number: int) -> Iterable[str]:
        """Symbols that were traded on the day before; under the ticker that they have now."""
        eve = self._eve(number)
        if eve is None:
            return
        renamed = self._renamed(number)
        for symbol in self.held.symbols(eve, number):
            yield renamed.get(symbol, symbol)

    def _renamed(self, number: int) -> dict[str, str]:
        """New tickers by old ones, as far as they are in force on the day *number*."""
        listed = self.bulk.listed
        return {
            rename.old: symbol
            for symbol, rename in self.renames.items()
            if rename.day <= number and rename.old not in listed
        }

    def _days(self, number: int) -> Iterator[SymbolDay]:
        """All that is known of every symbol before the day *number*."""
        market = daily.market_before(number, self.held.days, self._is_half)
        recent = [day for day in self.held.days if day < number][:_LISTED_DAYS]
        renamed = self._renamed(number)
        traded = self.held.symbols(recent[-1], number) if recent else ()
        symbols = {renamed.get(symbol, symbol) for symbol in traded}
        symbols.update(filter(is_symbol, self.bulk.listed))
        for symbol in sorted(symbols):
            rename = self.renames.get(symbol)
            if rename is not None and rename.day > number:
                rename = None
            bars = self.held.bars(symbol, number, rename.day if rename is not None else 0)
            if rename is not None:
                bars += self.held.bars(rename.old, min(number, rename.day))
            splits = self.bulk.splits(symbol, rename)
            found = daily.measured(symbol, bars[: self._history_days], market, splits)
            facts = self.bulk.facts(symbol, self._shelf.references.get(symbol), rename)
            yield daily.with_facts(found, facts, number, splits)

    def _is_half(self, number: int) -> bool:
        return self.calendar.day_of(date.fromordinal(number)).is_half_day

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


def reference(
    trading_day: str, found: SymbolDay, parts: dict[PartName, Part], rename: Rename | None
) -> Reference:
    """What people read of *found*."""
    is_renamed = rename is not None and found.renamed_from is not None
    return Reference(
        symbol=found.symbol,
        trading_day=trading_day,
        name=found.name,
        exchange=found.exchange,
        kind=found.kind,
        previous_close_usd=found.previous_close_usd,
        average_volume_shares=found.average_volume_shares,
        atr_usd=found.atr_usd,
        free_float_shares=found.free_float_shares,
        float_day=found.float_day,
        shares_outstanding=found.shares_outstanding,
        split_factor=found.split_factor,
        renamed_from=found.renamed_from,
        renamed_day=date.fromordinal(rename.day).isoformat() if rename and is_renamed else None,
        extremes=daily.extremes(found),
        parts=dict(parts),
    )


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal()
