"""Puts together what is known of each symbol before a day: bars, splits, changes of tickers, lists."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from mesh.calendar import Calendar
from schemas.naming import is_symbol
from schemas.reference import Part, PartName, PreviousCloses, Reference, SymbolDay
from services.reference import daily
from services.reference.bulk import Bulk, Rename
from services.reference.held import Held


_LISTED_DAYS = 10
"""Trading days within which a symbol must have traded, if it is not listed."""


class Sources(NamedTuple):
    """Where it comes from. Days are `date.toordinal`."""

    held: Held
    bulk: Bulk
    renames: Mapping[str, Rename]
    """By the new ticker."""
    references: Mapping[str, Reference]
    """What was known last, for what has no answer now."""
    calendar: Calendar
    history_days: int

    def symbols_before(self, number: int) -> Iterator[SymbolDay]:
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
            bars = self._bars(symbol, number, rename)
            found = daily.measured(symbol, bars, market, self.bulk.splits(symbol, rename))
            yield self.with_facts(found, number)

    def with_facts(self, found: SymbolDay, number: int) -> SymbolDay:
        """*found* with what is known besides its bars by now."""
        rename = self.renames.get(found.symbol)
        if rename is not None and rename.day > number:
            rename = None
        facts = self.bulk.facts(found.symbol, self.references.get(found.symbol), rename)
        splits = self.bulk.splits(found.symbol, rename)
        return daily.with_facts(found, facts, number, splits)

    def closes_before(self, number: int, symbols: Mapping[str, SymbolDay]) -> PreviousCloses:
        """The closes of the last day before *number*, by the tickers of today."""
        name = date.fromordinal(number).isoformat()
        eve = next((day for day in self.held.days if day < number), None)
        if eve is None:
            return PreviousCloses(name, None, {})
        renamed = self._renamed(number)
        closes = {
            symbol: close
            for old in self.held.symbols(eve, number)
            if (close := symbols[symbol := renamed.get(old, old)].previous_close_usd)
        }
        return PreviousCloses(name, date.fromordinal(eve).isoformat(), closes)

    def _bars(self, symbol: str, number: int, rename: Rename | None) -> list[daily.Bar]:
        if rename is None:
            return self.held.bars(symbol, number)[: self.history_days]
        bars = self.held.bars(symbol, number, rename.day)
        return (bars + self.held.bars(rename.old, rename.day))[: self.history_days]

    def _renamed(self, number: int) -> dict[str, str]:
        """New tickers by old ones, as far as they are in force on the day *number*."""
        return {
            rename.old: symbol
            for symbol, rename in self.renames.items()
            if rename.day <= number and rename.old not in self.bulk.listed
        }

    def _is_half(self, number: int) -> bool:
        return self.calendar.day_of(date.fromordinal(number)).is_half_day


def reference(
    trading_day: str, found: SymbolDay, parts: Mapping[PartName, Part], rename: Rename | None
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
