"""The vendor's bars over REST: a whole day of the market, and bars of any length of one ticker."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime
from http import HTTPStatus
from itertools import islice
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from mesh.calendar import NEW_YORK, day_of
from schemas.wire import Wire
from services.simulator.catalogue import Catalogue
from services.simulator.events import DayBar, DayBars, Number
from services.simulator.paging import answer, asked, next_page, refusal
from services.simulator.windows import SPANS, Wanted, bars


_MOST_BARS = 50_000
_USUAL_BARS = 5_000


class _Bar(Wire, frozen=True, omit_defaults=True):
    """`t` is when it begins; in a day of the whole market, when the regular session ends."""

    v: Number
    o: Number
    c: Number
    h: Number
    l: Number  # noqa: E741 (the vendor's name)
    t: int
    vw: Number | None = None
    n: int | None = None
    T: str | None = None


class _Bars(Wire, frozen=True, omit_defaults=True):
    status: str
    adjusted: bool
    queryCount: int  # noqa: N815 (the vendor's names)
    resultsCount: int  # noqa: N815
    request_id: str
    ticker: str | None = None
    results: list[_Bar] | None = None
    count: int | None = None
    next_url: str | None = None


def routes(catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """The handlers of bars."""

    @get("/v2/aggs/grouped/locale/us/market/stocks/{day:str}")
    async def grouped(request: Request[Any, Any, Any], day: FromPath[str]) -> Response[bytes]:
        try:
            date.fromisoformat(day)
        except ValueError:
            text = f"Could not parse the date: {day!r} is not YYYY-MM-DD"
            return refusal(text, HTTPStatus.BAD_REQUEST)
        adjusted = _is_adjusted(request.query_params)
        found = await asyncio.to_thread(catalogue.day_bars, day, adjusted=adjusted)
        return answer(_grouped(day, found, adjusted=adjusted))

    @get("/v2/aggs/ticker/{ticker:str}/range/{multiplier:int}/{span:str}/{first:str}/{last:str}")
    async def ranged(
        request: Request[Any, Any, Any],
        ticker: FromPath[str],
        multiplier: FromPath[int],
        span: FromPath[str],
        first: FromPath[str],
        last: FromPath[str],
    ) -> Response[bytes]:
        if span not in SPANS or multiplier < 1:
            text = f"The simulator has bars of {', '.join(SPANS)} only"
            return refusal(text, HTTPStatus.BAD_REQUEST)
        try:
            days = _day_of(first), _day_of(last)
            query = asked(request)
            limit = max(1, min(_MOST_BARS, int(query.get("limit", _USUAL_BARS))))
            skipped = int(query.get("first", 0))
        except ValueError:
            text = f"Could not parse the dates, the limit or the cursor: {first!r}, {last!r}"
            return refusal(text, HTTPStatus.BAD_REQUEST)
        wanted = Wanted(ticker, multiplier, span, *days, is_adjusted=_is_adjusted(query))
        is_newest_first = query.get("sort") == "desc"
        found = await asyncio.to_thread(
            lambda: list(
                islice(
                    bars(catalogue, wanted, is_newest_first=is_newest_first),
                    skipped,
                    skipped + limit + 1,
                )
            )
        )
        shown = [_bar(each.bar, each.start_ms) for each in found[:limit]]
        more = next_page(request, skipped + limit) if len(found) > limit else None
        return answer(_Bars(
            "OK", wanted.is_adjusted, len(shown), len(shown), "simulator", ticker, shown or None,
            len(shown), more,
        ))  # fmt: skip

    return [grouped, ranged]


def _grouped(day: str, found: DayBars, *, adjusted: bool) -> _Bars:
    """Like the vendor's, without `results` if there are none."""
    close_ms = day_of(date.fromisoformat(day)).close_ms
    results = [_bar(bar, close_ms, ticker) for ticker, bar in found.items()]
    count = len(results)
    return _Bars("OK", adjusted, count, count, "simulator", results=results or None)


def _bar(bar: DayBar, time_ms: int, ticker: str | None = None) -> _Bar:
    return _Bar(
        bar.volume_shares, bar.open_usd, bar.close_usd, bar.high_usd, bar.low_usd, time_ms,
        bar.vwap_usd, bar.trades, ticker,
    )  # fmt: skip


def _is_adjusted(query: Mapping[str, str]) -> bool:
    return query.get("adjusted", "true").lower() != "false"


def _day_of(text: str) -> date:
    if text.isdecimal():
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC).astimezone(NEW_YORK).date()
    return date.fromisoformat(text)
