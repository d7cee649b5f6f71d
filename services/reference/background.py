"""What the vendor tells of one ticker at a time: asked last, most traded symbols first, without end.

Changes of tickers are asked for symbols whose history is shorter than the market's: they are new,
or were another before. Shares outstanding are asked for common stocks of which the bulk answer has
none. Volume curves are asked for all.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import date, timedelta

from mesh import clock
from mesh.calendar import Calendar, Day
from mesh.errors import BrokerError
from mesh.lifecycle import Lifecycle
from schemas.naming import is_symbol
from schemas.reference import PartName, SymbolDay
from services.reference import answers
from services.reference.bulk import Rename
from services.reference.curves import CURVE_DAYS, CurveDay, Minute, curve
from services.reference.daily import factor_after
from services.reference.loader import Loaded, Loader
from services.reference.shelf import Shelf
from services.reference.vendor import RefusedError, UnavailableError, Vendor


_AT_ONCE = 4
_AGAIN_S = 60.0
_STOCKS = frozenset({"CS", "ADRC"})
_RENAME = "ticker_change"


class Background:
    """Asks about one symbol after the other of the latest day."""

    def __init__(
        self, vendor: Vendor, loader: Loader, shelf: Shelf, lifecycle: Lifecycle, curves: int
    ) -> None:
        self.curves = 0
        """Put so far."""
        self._vendor = vendor
        self._loader = loader
        self._shelf = shelf
        self._log = lifecycle.log
        self._most_curves = curves
        self._longest = 0
        """Trading days that the longest history of the latest day reaches back."""

    async def run(self) -> None:
        """Ask for what is due of the latest day, and again whenever a day comes or a minute has passed; for ever."""
        while True:
            self._loader.advanced.clear()
            day = self._loader.latest
            if day is not None:
                try:
                    await self._deepen(day)
                except BrokerError as error:
                    self._log.warning("reference.delayed", reason=str(error))
            try:
                async with asyncio.timeout(_AGAIN_S):
                    await self._loader.advanced.wait()
            except TimeoutError:
                continue

    async def _deepen(self, day: Loaded) -> None:
        self._longest = max((each.history_days for each in day.symbols.values()), default=0)
        known = len(self._loader.renames)
        await self._ask_each(self._events_due(day), day)
        if len(self._loader.renames) != known:
            await self._loader.reload()
            return  # the day that was put has advanced
        if await self._ask_each(self._shares_due(day), day):
            await self._loader.put_again()
        await self._ask_each(self._curves_due(day), day)

    async def _ask_each(self, questions: Iterator[tuple[PartName, str]], day: Loaded) -> int:
        """Ask some at a time, until a later day has come; how many were asked."""
        count = 0

        async def work() -> None:
            nonlocal count
            for name, symbol in questions:
                if self._loader.latest is not day:
                    return
                count += 1
                await self._ask(name, symbol, day)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(work())
        return count

    async def _ask(self, name: PartName, symbol: str, day: Loaded) -> None:
        ask = {"events": self._events, "shares": self._shares, "curve": self._curve}[name]
        parts = self._loader.parts_of(symbol)
        try:
            found = await ask(symbol, day)
        except UnavailableError as error:
            parts.note(name, "failed", clock.now_ms())
            self._log.debug("reference.failed", part=name, reason=str(error))
        except RefusedError:
            parts.note(name, "absent", clock.now_ms())
        except BrokerError as error:
            parts.note(name, "failed", clock.now_ms())
            self._log.warning("reference.delayed", symbol=symbol, reason=str(error))
            return
        else:
            parts.note(name, "value" if found else "absent", clock.now_ms())
        await self._loader.put_reference(symbol)

    def _due(self, name: PartName, symbol: str) -> bool:
        return self._loader.parts_of(symbol).is_due(name, clock.now_ms())

    def _events_due(self, day: Loaded) -> Iterator[tuple[PartName, str]]:
        young = [each for each in day.symbols.values() if each.history_days < self._longest]
        for each in sorted(young, key=lambda each: each.history_days):
            if self._due("events", each.symbol):
                yield "events", each.symbol

    def _shares_due(self, day: Loaded) -> Iterator[tuple[PartName, str]]:
        for each in _most_traded(day):
            is_wanted = each.kind in _STOCKS and each.shares_outstanding is None
            if is_wanted and self._due("shares", each.symbol):
                yield "shares", each.symbol

    def _curves_due(self, day: Loaded) -> Iterator[tuple[PartName, str]]:
        for each in _most_traded(day)[: self._most_curves]:
            if self._due("curve", each.symbol):
                yield "curve", each.symbol

    async def _events(self, symbol: str, day: Loaded) -> bool:
        found = await self._vendor.one(f"/vX/reference/tickers/{symbol}/events", answers.EVENTS)
        events = (found.results.events if found and found.results else None) or ()
        rename = last_rename(symbol, events, day.name)
        if rename is None:
            return False
        self._loader.renames[symbol] = rename
        return True

    async def _shares(self, symbol: str, day: Loaded) -> bool:
        del day
        found = await self._vendor.one(f"/v3/reference/tickers/{symbol}", answers.DETAILS)
        details = found.results if found else None
        if details is None:
            return False
        shares = details.share_class_shares_outstanding or details.weighted_shares_outstanding
        if shares:
            self._loader.tell_shares(symbol, shares)
        return bool(shares)

    async def _curve(self, symbol: str, day: Loaded) -> bool:
        found = day.symbols[symbol]
        rename = self._loader.renames.get(symbol)
        splits = self._loader.bulk.splits(symbol, rename)
        calendar = self._loader.calendar
        full = full_days_before(calendar, calendar.day_of(date.fromisoformat(day.name)), CURVE_DAYS)
        if found.history_days < self._longest:  # it is newer than the history
            listed = first_day(found, day.name, calendar)
            full = [each for each in full if each.name >= listed]
        if not full:
            return False
        days = [
            CurveDay(each, factor_after(_number(each.name), day.number, splits)) for each in full
        ]
        first, last = full[0].name, date.fromordinal(day.number - 1).isoformat()
        minutes = [
            each
            for ticker, since, until in spans(symbol, rename, first, last)
            async for each in self._minutes(ticker, since, until)
        ]
        put = curve(symbol, day.name, days, minutes)
        if put is None:
            return False
        await self._shelf.put_curve(put)
        self.curves += 1
        return True

    async def _minutes(self, ticker: str, first: str, last: str) -> AsyncIterator[Minute]:
        path = f"/v2/aggs/ticker/{ticker}/range/1/minute/{first}/{last}"
        query = {"adjusted": "false", "sort": "asc", "limit": "50000"}
        async for page in self._vendor.pages(path, answers.MINUTES, **query):
            for row in page.results or ():
                yield Minute(row.t, row.v)


def _most_traded(day: Loaded) -> list[SymbolDay]:
    """By dollars on an average day; what never traded comes last."""
    return sorted(
        day.symbols.values(),
        key=lambda each: -(each.average_volume_shares or 0) * (each.previous_close_usd or 0),
    )


def full_days_before(calendar: Calendar, day: Day, count: int) -> list[Day]:
    """The last *count* full trading days before *day*, oldest first."""
    found: list[Day] = []
    while len(found) < count:
        day = calendar.previous_trading_day(day)
        if not day.is_half_day:
            found.append(day)
    return found[::-1]


def first_day(found: SymbolDay, trading_day: str, calendar: Calendar) -> str:
    """The first day (ISO date) of which a bar of a symbol is held."""
    day = calendar.day_of(date.fromisoformat(trading_day))
    for _ in range(found.history_days):
        day = calendar.previous_trading_day(day)
    return day.name


def last_rename(symbol: str, events: Iterable[answers.Event], trading_day: str) -> Rename | None:
    """The change that made another ticker into *symbol*, up to *trading_day*; None without one."""
    changes = sorted(
        (each.date, each.ticker_change.ticker)
        for each in events
        if each.type == _RENAME and each.ticker_change is not None and each.date <= trading_day
    )
    for (_, old), (day, new) in zip(changes[-2::-1], changes[:0:-1], strict=False):
        if new == symbol and old != symbol and is_symbol(old):
            return Rename(old, date.fromisoformat(day).toordinal())
    return None


def spans(
    symbol: str, rename: Rename | None, first: str, last: str
) -> Iterator[tuple[str, str, str]]:
    """(ticker, first day, last day) under which *symbol* was traded, oldest first; ISO dates."""
    if rename is not None and first < (day := date.fromordinal(rename.day).isoformat()):
        before = (date.fromordinal(rename.day) - timedelta(1)).isoformat()
        yield rename.old, first, min(before, last)
        first = day
    if first <= last:
        yield symbol, first, last


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal()
