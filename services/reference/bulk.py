"""What the vendor gives for the whole market at once: listings, floats, shares, splits."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import NamedTuple

from mesh import clock
from mesh.logs import Log
from schemas.reference import PartName, Reference
from services.reference import answers
from services.reference.daily import Facts, Split
from services.reference.parts import Parts
from services.reference.vendor import RefusedError, UnavailableError, Vendor


PARTS: tuple[PartName, ...] = ("splits", "name", "float", "shares")


class Rename(NamedTuple):
    """The ticker before, and the first day of the new one (`date.toordinal`)."""

    old: str
    day: int


class Bulk:
    """The last good answers; a question that fails leaves the answer before in place."""

    def __init__(self, vendor: Vendor, log: Log) -> None:
        self.parts = Parts()
        self._answered: set[PartName] = set()
        """Those that were answered in this run; of the others only `parts` is known."""
        self.listed: dict[str, answers.Ticker] = {}
        self._floats: dict[str, answers.Float] = {}
        self._ratios: dict[str, answers.Ratios] = {}
        self._splits: dict[str, list[Split]] = {}
        self._splits_since = date.max.toordinal()
        self._vendor = vendor
        self._log = log

    async def refresh(self, names: tuple[PartName, ...], since: int) -> None:
        """Ask for those of *names* that are due; splits from the day *since* (`date.toordinal`) on."""
        if since < self._splits_since:
            self.parts.forget("splits")
        ask: dict[PartName, Callable[[], Awaitable[int]]] = {
            "splits": lambda: self._ask_splits(since),
            "name": self._ask_names,
            "float": self._ask_floats,
            "shares": self._ask_ratios,
        }
        for name in names:
            if self.parts.is_due(name, clock.now_ms()):
                await self._refresh(name, ask[name])

    async def _refresh(self, name: PartName, ask: Callable[[], Awaitable[int]]) -> None:
        try:
            count = await ask()
        except UnavailableError as error:
            self.parts.note(name, "failed", clock.now_ms())
            self._log.warning("reference.failed", part=name, reason=str(error))
        except RefusedError as error:
            self.parts.note(name, "absent", clock.now_ms())
            self._log.warning("reference.refused", part=name, reason=str(error))
        else:
            self.parts.note(name, "value", clock.now_ms())
            self._answered.add(name)
            self._log.info("reference.asked", part=name, symbols=count)

    def splits(self, symbol: str, rename: Rename | None = None) -> list[Split]:
        """The splits of *symbol*, under its ticker of then."""
        found = self._splits.get(symbol, [])
        if rename is None:
            return found
        before = self._splits.get(rename.old, [])
        return found + [split for split in before if split.day < rename.day]

    def facts(self, symbol: str, cached: Reference | None, rename: Rename | None) -> Facts:
        """What is known of *symbol* besides its bars; from *cached* what has no answer now."""
        known = _cached(cached)
        listed = self.listed.get(symbol)
        if listed is not None:
            known = known._replace(
                name=listed.name, exchange=listed.primary_exchange, kind=listed.type
            )
        found = self._floats.get(symbol)
        if found is not None:
            known = known._replace(
                free_float_shares=found.free_float,
                float_day=found.effective_date,
                float_asof=_number(found.effective_date),
            )
        elif "float" in self._answered:
            known = known._replace(free_float_shares=None, float_day=None)
        ratios = self._ratios.get(symbol)
        if ratios is not None and ratios.market_cap and ratios.price:
            shares = ratios.market_cap / ratios.price
            known = known._replace(shares_outstanding=shares, shares_asof=_number(ratios.date))
        return known._replace(renamed_from=rename.old if rename is not None else None)

    def note_of(self, symbol: str, parts: Parts) -> None:
        """Tell the *parts* of *symbol* how the questions about the whole market went."""
        rows: dict[PartName, object] = {
            "splits": self._splits.get(symbol),
            "name": self.listed.get(symbol),
            "float": self._floats.get(symbol),
            "shares": self._ratios.get(symbol),
        }
        for name, row in rows.items():
            market = self.parts.states.get(name)
            if market is None or (market.state == "value" and name not in self._answered):
                continue
            if market.state != "value":
                parts.note(name, market.state, market.asof_ms)
            elif row is not None:
                parts.note(name, "value", market.asof_ms)
            elif name != "shares" or parts.state(name) != "value":  # a ticker's own answer counts
                parts.note(name, "absent", market.asof_ms)

    async def _ask_splits(self, since: int) -> int:
        first = date.fromordinal(since).isoformat()
        found: dict[str, list[Split]] = {}
        query = {"execution_date.gte": first, "limit": "5000"}
        async for page in self._vendor.pages("/stocks/v1/splits", answers.SPLITS, **query):
            for row in page.results or ():
                if row.split_from > 0 and row.split_to > 0:
                    split = Split(_number(row.execution_date), row.split_to / row.split_from)
                    found.setdefault(row.ticker, []).append(split)
        self._splits, self._splits_since = found, since
        return len(found)

    async def _ask_names(self) -> int:
        query = {"market": "stocks", "active": "true", "limit": "1000"}
        pages = self._vendor.pages("/v3/reference/tickers", answers.TICKERS, **query)
        self.listed = {row.ticker: row async for page in pages for row in page.results or ()}
        return len(self.listed)

    async def _ask_floats(self) -> int:
        pages = self._vendor.pages("/stocks/vX/float", answers.FLOATS, limit="5000")
        self._floats = {row.ticker: row async for page in pages for row in page.results or ()}
        return len(self._floats)

    async def _ask_ratios(self) -> int:
        path = "/stocks/financials/v1/ratios"
        pages = self._vendor.pages(path, answers.RATIOS, limit="50000")
        self._ratios = {row.ticker: row async for page in pages for row in page.results or ()}
        return len(self._ratios)


def _cached(cached: Reference | None) -> Facts:
    """What was known before: adjusted for all splits up to its day."""
    if cached is None:
        return Facts()
    asof = _number(cached.trading_day)
    return Facts(
        cached.name, cached.exchange, cached.kind, cached.free_float_shares, cached.float_day, asof,
        cached.shares_outstanding, asof,
    )  # fmt: skip


def _number(day: str | None) -> int:
    """An ISO day as a number; behind all splits if it is none."""
    try:
        return date.fromisoformat(day or "").toordinal()
    except ValueError:
        return date.max.toordinal()
