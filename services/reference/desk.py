"""Answers questions of people about a symbol: from what was asked lately, or from the vendor."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from mesh import clock
from mesh.logs import Log
from schemas.vendor import MOST_BARS, BarsQuestion, LogoQuestion, Question, VendorAnswer, What
from schemas.wire import Decoder, Wire, encode_json
from services.reference import bars, filings, profile, told
from services.reference.asking import Asking
from services.reference.cache import Ages, Entry
from services.reference.pictures import MOST_BYTES, media_type
from services.reference.vendor import UnavailableError, Vendor


_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86_400.0
_FAILED_S = 15.0
_BARS_SHARE = 0.75
"""Of the memory; the rest is for everything else."""
_LOGO_AGES = Ages(7 * _DAY_S, _DAY_S, _FAILED_S, 30 * _DAY_S)
_OVER = Ages(12 * _HOUR_S, 10 * _MINUTE_S, 5.0)
"""Bars of days that are over: corrections come in the night."""
_RUNNING = Ages(3.0, 3.0, 5.0)
"""Bars of today. Old ones in place of a failure would look as if nothing traded."""


class _Kind(NamedTuple):
    """How something is asked and told, and how old it may be."""

    path: str
    query: Mapping[str, str]
    decoder: Decoder[Any]
    tell: Callable[[str, Any, int], Wire]
    ages: Ages


_KINDS: Mapping[What, _Kind] = {
    What.COMPANY: _Kind(
        "/v3/reference/tickers/{symbol}", {}, told.DETAILS, profile.company,
        Ages(_DAY_S, 6 * _HOUR_S, _FAILED_S, 30 * _DAY_S),
    ),
    What.TICKER_EVENTS: _Kind(
        "/vX/reference/tickers/{symbol}/events", {}, told.EVENTS, profile.ticker_events,
        Ages(_DAY_S, _DAY_S, _FAILED_S, 30 * _DAY_S),
    ),
    What.SHORT_INTEREST: _Kind(
        "/stocks/v1/short-interest", {"sort": "settlement_date.desc", "limit": "24"},
        told.SHORT_INTERESTS, profile.short_interest,
        Ages(6 * _HOUR_S, 6 * _HOUR_S, _FAILED_S, 7 * _DAY_S),
    ),
    What.SHORT_VOLUME: _Kind(
        "/stocks/v1/short-volume", {"sort": "date.desc", "limit": "60"},
        told.SHORT_VOLUMES, profile.short_volume, Ages(_HOUR_S, _HOUR_S, _FAILED_S, _DAY_S),
    ),
    What.SPLITS: _Kind(
        "/stocks/v1/splits", {"sort": "execution_date.desc", "limit": "50"},
        told.SPLITS, profile.splits, Ages(6 * _HOUR_S, 6 * _HOUR_S, _FAILED_S, 7 * _DAY_S),
    ),
    What.FILINGS: _Kind(
        "/stocks/filings/vX/index", {"sort": "filing_date.desc", "limit": "100"},
        told.FILINGS, filings.filings, Ages(5 * _MINUTE_S, 30 * _MINUTE_S, _FAILED_S, _DAY_S),
    ),
}  # fmt: skip


class _Picture(Wire, frozen=True):
    content: bytes
    media_type: str


class _Held(NamedTuple):
    columns: bars.Numbers
    is_cut: bool


class Desk:
    """The vendor for people.

    Args:
        vendor: who is asked.
        today: the day that runs: of the clock, or of the market that is played.
        tasks: what questions run in.
        most_bytes: what may be remembered.
        log: where failures are told.
    """

    def __init__(
        self,
        vendor: Vendor,
        today: Callable[[], date],
        tasks: asyncio.TaskGroup,
        most_bytes: int,
        log: Log,
    ) -> None:
        self._vendor = vendor
        self._today = today
        for_bars = int(most_bytes * _BARS_SHARE)
        self._bars = Asking[_Held](tasks, for_bars, lambda held: bars.size_bytes(held.columns), log)
        self._facts = Asking[Any](tasks, most_bytes - for_bars, _size_bytes, log)

    async def about(self, what: What, question: Question) -> VendorAnswer:
        """What there is to tell of a symbol."""
        found = await self._fact(what, question.symbol)
        if found.value is None:
            return _without(found, f"the vendor has no {what} of {question.symbol}")
        body = _KINDS[what].tell(question.symbol, found.value, int(found.asof_ms))
        return VendorAnswer("value", body=encode_json(body), fresh_s=_fresh_s(found))

    async def logo(self, question: LogoQuestion) -> VendorAnswer:
        """A picture of a company."""
        none = f"the vendor has no {question.kind} of {question.symbol}"
        company = await self._fact(What.COMPANY, question.symbol)
        if company.value is None:
            return _without(company, none)
        branding = company.value.branding or told.Branding()
        address = branding.logo_url if question.kind == "logo" else branding.icon_url
        if not address:
            return VendorAnswer("absent", none, fresh_s=_fresh_s(company))
        ask = partial(self._ask_picture, address)
        found = await self._facts.of((What.LOGO, address), _LOGO_AGES, ask)
        if found.value is None:
            return _without(found, none)
        content, kind = found.value.content, found.value.media_type
        return VendorAnswer("value", body=content, media_type=kind, fresh_s=_fresh_s(found))

    async def bars(self, question: BarsQuestion) -> VendorAnswer:
        """Bars of a range, the newest as many as may be.

        Raises:
            ValueError: there is no such range.
        """
        today = self._today()
        wanted = bars.range_of(question, today)
        parts = ((wanted.over, _OVER), (wanted.running, _RUNNING))
        found = await asyncio.gather(
            *(self._part(question, days, today, ages) for days, ages in parts if days is not None)
        )
        failed = [each for each in found if each.state == "failed"]
        if failed:
            return _without(failed[0], "")
        held = [each.value for each in found if each.value is not None]
        columns = bars.within(bars.joined((each.columns for each in held), MOST_BARS), wanted)
        fresh_s = min(map(_fresh_s, found), default=0.0)
        if not columns.size:
            none = f"the vendor has no bars of {question.symbol} in this range"
            return VendorAnswer("absent", none, fresh_s=fresh_s)
        is_cut = any(each.is_cut for each in held)
        asof_ms = int(found[-1].asof_ms)
        body = await asyncio.to_thread(
            lambda: encode_json(bars.told(question, columns, asof_ms, is_cut=is_cut))
        )
        return VendorAnswer("value", body=body, fresh_s=fresh_s)

    async def _fact(self, what: What, symbol: str) -> Entry[Any]:
        return await self._facts.of(
            (what, symbol), _KINDS[what].ages, partial(self._ask_fact, _KINDS[what], symbol)
        )

    async def _ask_fact(self, kind: _Kind, symbol: str) -> Any:
        query = dict(kind.query)
        if query:  # a list, which may be filtered
            query["ticker"] = symbol
        found = await self._vendor.one(kind.path.format(symbol=symbol), kind.decoder, **query)
        results = found.results if found is not None else None
        is_empty = isinstance(results, told.NamedEvents) and not results.events
        return None if is_empty else results or None

    async def _ask_picture(self, address: str) -> _Picture | None:
        content = await self._vendor.picture(address, MOST_BYTES)
        if content is None:
            return None
        kind = media_type(content)
        if kind is None:
            raise UnavailableError("the picture is none that a page may show")
        return _Picture(content, kind)

    async def _part(
        self, question: BarsQuestion, days: tuple[date, date], today: date, ages: Ages
    ) -> Entry[_Held]:
        most = bars.kept(question.limit)
        # Adjusted prices of old days change with the day: a split may have come.
        key = (question.symbol, question.interval, question.adjusted, *days, most, today)
        return await self._bars.of(key, ages, partial(self._ask_bars, question, days, most))

    async def _ask_bars(
        self, question: BarsQuestion, days: tuple[date, date], most: int
    ) -> _Held | None:
        number, span = bars.SPANS[question.interval]
        path = f"/v2/aggs/ticker/{question.symbol}/range/{number}/{span}/{days[0]}/{days[1]}"
        adjusted = "true" if question.adjusted else "false"
        parts: list[bars.Numbers] = []
        count, is_cut = 0, False
        limit = str(bars.a_page(question.interval, question.limit))
        pages = self._vendor.pages(path, bars.PAGES, adjusted=adjusted, sort="desc", limit=limit)
        async with aclosing(pages):
            async for page in pages:
                parts.append(page.columns)
                count += page.columns.shape[1]
                is_cut = count > most or (count == most and page.next_url is not None)
                if count >= most:
                    break
        return _Held(bars.joined(parts, most), is_cut) if count else None


def _without(found: Entry[Any], none: str) -> VendorAnswer:
    if found.state == "failed":
        return VendorAnswer("failed", found.message, fresh_s=_fresh_s(found))
    return VendorAnswer("absent", none, fresh_s=_fresh_s(found))


def _fresh_s(found: Entry[Any]) -> float:
    return max(0.0, (found.until_ms - clock.now_ms()) / 1000)


def _size_bytes(value: Any) -> int:
    return len(value.content if isinstance(value, _Picture) else encode_json(value))
