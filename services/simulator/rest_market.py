"""The vendor's view of the market at this moment over REST: snapshot, sessions, holidays to come."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from mesh.calendar import NEW_YORK, Day, day_at, day_of
from services.simulator.catalogue import Catalogue, Now
from services.simulator.events import NS_PER_MS, DayBar
from services.simulator.paging import Row, answer, not_found


_AHEAD_DAYS = 366
_SATURDAY = 5


def routes(catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """The handlers of what changes by the second."""

    @get("/v2/snapshot/locale/us/markets/stocks/tickers", sync_to_thread=True)
    def snapshot(request: Request[Any, Any, Any]) -> Response[bytes]:
        wanted = {*filter(None, request.query_params.get("tickers", "").split(","))}
        found = [
            _ticker(ticker, now)
            for ticker, now in catalogue.snapshot().items()
            if not wanted or ticker in wanted
        ]
        return answer({
            "status": "OK", "request_id": "simulator", "count": len(found), "tickers": found
        })  # fmt: skip

    @get("/v2/snapshot/locale/us/markets/stocks/tickers/{ticker:str}", sync_to_thread=True)
    def one(ticker: FromPath[str]) -> Response[bytes]:
        now = catalogue.snapshot().get(ticker)
        if now is None:
            return not_found("NotFound")
        return answer({"status": "OK", "request_id": "simulator", "ticker": _ticker(ticker, now)})

    @get("/v1/marketstatus/now", sync_to_thread=False)
    def status() -> Response[bytes]:
        return answer(_status(catalogue.now_ms()))

    @get("/v1/marketstatus/upcoming", sync_to_thread=False)
    def upcoming() -> Response[bytes]:
        today = date.fromisoformat(day_at(catalogue.now_ms()).name)
        days = [today + timedelta(number) for number in range(_AHEAD_DAYS)]
        return answer([
            row for day in days if day.weekday() < _SATURDAY for row in _holiday(day_of(day))
        ])  # fmt: skip

    return [snapshot, one, status, upcoming]


def _ticker(ticker: str, now: Now) -> Row:
    """Bars are zero where there are none, as the vendor's."""
    before = now.previous.close_usd if now.previous is not None else 0
    change = round(now.price_usd - before, 4) if before else 0
    row: Row = {
        "ticker": ticker,
        "day": _bar(now.today),
        "prevDay": _bar(now.previous),
        "min": {**_bar(None), "av": now.today.volume_shares if now.today else 0, "t": 0, "n": 0},
        "todaysChange": change,
        "todaysChangePerc": round(100 * change / before, 4) if before else 0,
        "updated": now.time_ms * NS_PER_MS,
    }
    if now.today is not None:
        row["lastTrade"] = {"p": now.price_usd, "s": 100, "t": now.time_ms * NS_PER_MS, "x": 4, "c": [], "i": "1"}  # fmt: skip
    return row


def _bar(bar: DayBar | None) -> Row:
    if bar is None:
        return dict.fromkeys(("o", "h", "l", "c", "v", "vw"), 0)
    return {
        "o": bar.open_usd, "h": bar.high_usd, "l": bar.low_usd, "c": bar.close_usd,
        "v": bar.volume_shares, "vw": bar.vwap_usd or 0,
    }  # fmt: skip


def _status(now_ms: int) -> Row:
    session = day_at(now_ms).session(now_ms)
    market = {"regular": "open", "pre": "extended-hours", "post": "extended-hours"}
    name = market.get(session, "closed")
    return {
        "market": name,
        "earlyHours": session == "pre",
        "afterHours": session == "post",
        "serverTime": datetime.fromtimestamp(now_ms // 1000, tz=NEW_YORK).isoformat(),
        "exchanges": dict.fromkeys(("nasdaq", "nyse", "otc"), name),
        "currencies": {"fx": "open", "crypto": "open"},
    }


def _holiday(day: Day) -> list[Row]:
    if day.is_trading_day and not day.is_half_day:
        return []
    rows = []
    for exchange in ("NYSE", "NASDAQ"):
        row: Row = {"date": day.name, "exchange": exchange, "name": "Holiday", "status": "closed"}
        if day.is_trading_day:
            row |= {"status": "early-close", "open": _utc(day.open_ms), "close": _utc(day.close_ms)}
        rows.append(row)
    return rows


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
