"""The vendor's bars over REST: a whole day of the market, and days or minutes of one ticker."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from mesh.calendar import NEW_YORK, day_of
from schemas.wire import Wire
from services.simulator.catalogue import Catalogue
from services.simulator.events import DayBar, DayBars, Number
from services.simulator.paging import answer, refusal


_MOST_BARS = 50_000
_USUAL_BARS = 5_000


class _Bar(Wire, frozen=True, omit_defaults=True):
    """Of a day or of a minute; `t` is when a minute or the regular session of a day begins or ends."""

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


def routes(catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """The handlers of bars."""

    @get("/v2/aggs/grouped/locale/us/market/stocks/{day:str}")
    async def grouped(request: Request[Any, Any, Any], day: FromPath[str]) -> Response[bytes]:
        try:
            date.fromisoformat(day)
        except ValueError:
            text = f"Could not parse the date: {day!r} is not YYYY-MM-DD"
            return refusal(text, HTTPStatus.BAD_REQUEST)
        adjusted = _is_adjusted(request)
        bars = await asyncio.to_thread(catalogue.day_bars, day, adjusted=adjusted)
        return answer(_grouped(day, bars, adjusted=adjusted))

    @get("/v2/aggs/ticker/{ticker:str}/range/{multiplier:int}/{span:str}/{first:str}/{last:str}")
    async def ranged(
        request: Request[Any, Any, Any],
        ticker: FromPath[str],
        multiplier: FromPath[int],
        span: FromPath[str],
        first: FromPath[str],
        last: FromPath[str],
    ) -> Response[bytes]:
        if span not in ("day", "minute") or multiplier != 1:
            text = "The simulator has bars of one day and of one minute only"
            return refusal(text, HTTPStatus.BAD_REQUEST)
        try:
            days = list(_days(_day_of(first), _day_of(last)))
            limit = int(request.query_params.get("limit", _USUAL_BARS))
        except ValueError:
            text = f"Could not parse the dates or the limit: {first!r}, {last!r}"
            return refusal(text, HTTPStatus.BAD_REQUEST)
        adjusted = _is_adjusted(request)
        read = _day_bars if span == "day" else _minute_bars
        found = await asyncio.to_thread(
            lambda: [bar for day in days for bar in read(catalogue, ticker, day, adjusted)]
        )
        if request.query_params.get("sort") == "desc":
            found.reverse()
        found = found[: min(limit, _MOST_BARS)]
        bars = _Bars(
            "OK", adjusted, len(found), len(found), "simulator", ticker, found or None, len(found)
        )
        return answer(bars)

    return [grouped, ranged]


def _grouped(day: str, bars: DayBars, *, adjusted: bool) -> _Bars:
    """Like the vendor's, without `results` if there are none."""
    close_ms = day_of(date.fromisoformat(day)).close_ms
    results = [_bar(bar, close_ms, ticker) for ticker, bar in bars.items()]
    count = len(results)
    return _Bars("OK", adjusted, count, count, "simulator", results=results or None)


def _day_bars(catalogue: Catalogue, ticker: str, day: str, adjusted: bool) -> list[_Bar]:
    bar = catalogue.day_bars(day, adjusted=adjusted).get(ticker)
    return [] if bar is None else [_bar(bar, day_of(date.fromisoformat(day)).start_ms)]


def _minute_bars(catalogue: Catalogue, ticker: str, day: str, adjusted: bool) -> list[_Bar]:
    minutes = catalogue.minute_bars(ticker, day, adjusted=adjusted)
    return [_bar(minute.bar, minute.start_ms) for minute in minutes]


def _bar(bar: DayBar, time_ms: int, ticker: str | None = None) -> _Bar:
    return _Bar(
        bar.volume_shares, bar.open_usd, bar.close_usd, bar.high_usd, bar.low_usd, time_ms,
        bar.vwap_usd, bar.trades, ticker,
    )  # fmt: skip


def _is_adjusted(request: Request[Any, Any, Any]) -> bool:
    return request.query_params.get("adjusted", "true").lower() != "false"


def _day_of(text: str) -> date:
    if text.isdecimal():
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC).astimezone(NEW_YORK).date()
    return date.fromisoformat(text)


def _days(first: date, last: date) -> Iterator[str]:
    while first <= last:
        yield first.isoformat()
        first += timedelta(1)
