"""The vendor's reference data over REST: tickers, floats, ratios, splits, changes of tickers."""

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from mesh.calendar import day_at
from services.simulator import company
from services.simulator.catalogue import Catalogue, Known, Split
from services.simulator.paging import Row, answer, not_found, page


_Request = Request[Any, Any, Any]


def routes(catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """The handlers of reference data."""

    @get("/v3/reference/tickers", sync_to_thread=True)
    def tickers(request: _Request) -> Response[bytes]:
        return page(request, map(_listed, catalogue.tickers.values()), usual=100, most=1000)

    @get("/v3/reference/tickers/{ticker:str}", sync_to_thread=True)
    def details(request: _Request, ticker: FromPath[str]) -> Response[bytes]:
        known = catalogue.tickers.get(ticker)
        if known is None:
            return not_found("Ticker not found.")
        found = {**_details(known), **company.profile(catalogue, known, str(request.base_url))}
        return answer({"status": "OK", "request_id": "simulator", "results": found})

    @get("/vX/reference/tickers/{ticker:str}/events", sync_to_thread=False)
    def events(ticker: FromPath[str]) -> Response[bytes]:
        known = catalogue.tickers.get(ticker)
        if known is None:
            return not_found("Ticker not found.")
        return answer(
            {"status": "OK", "request_id": "simulator", "results": _events(catalogue, known)}
        )

    @get("/stocks/vX/float", sync_to_thread=True)
    def floats(request: _Request) -> Response[bytes]:
        rows = (_float(known) for known in catalogue.tickers.values() if known.free_float_shares)
        return page(request, rows, usual=100, most=5000)

    @get("/stocks/financials/v1/ratios", sync_to_thread=True)
    def ratios(request: _Request) -> Response[bytes]:
        return page(request, _ratios(catalogue), usual=100, most=50_000)

    @get("/stocks/v1/splits", sync_to_thread=True)
    def splits(request: _Request) -> Response[bytes]:
        return page(request, map(_split, catalogue.splits), usual=100, most=5000)

    return [tickers, details, events, floats, ratios, splits]


def _listed(known: Known) -> Row:
    return {
        "ticker": known.ticker,
        "name": known.name,
        "market": "stocks",
        "locale": "us",
        "primary_exchange": known.exchange,
        "type": known.kind,
        "active": True,
        "currency_name": "usd",
        "cik": known.cik,
        "composite_figi": known.figi,
    }


def _details(known: Known) -> Row:
    row = {**_listed(known), "list_date": known.list_day, "round_lot": 100}
    if known.shares_outstanding is not None:
        row["share_class_shares_outstanding"] = known.shares_outstanding
        row["weighted_shares_outstanding"] = known.shares_outstanding
    return row


def _events(catalogue: Catalogue, known: Known) -> Row:
    """The changes of a ticker, newest first; the oldest is the one that it was listed under."""
    changes = [(known.list_day, known.ticker)]
    rename = catalogue.renames.get(known.ticker)
    if rename is not None:
        changes = [(rename.day, rename.ticker), (known.list_day, rename.old)]
    return {
        "name": known.name,
        "composite_figi": known.figi,
        "cik": known.cik,
        "events": [
            {"type": "ticker_change", "date": day, "ticker_change": {"ticker": ticker}}
            for day, ticker in changes
        ],
    }


def _float(known: Known) -> Row:
    free, shares = known.free_float_shares or 0, known.shares_outstanding or 0
    return {
        "ticker": known.ticker,
        "free_float": free,
        "free_float_percent": round(100 * free / shares, 2) if shares else 100.0,
        "effective_date": known.float_day,
    }


def _ratios(catalogue: Catalogue) -> list[Row]:
    """Of what has shares outstanding, as of now."""
    day = day_at(catalogue.now_ms()).name
    rows = []
    for ticker, now in catalogue.snapshot().items():
        known = catalogue.tickers[ticker]
        if known.shares_outstanding is not None:
            price = float(now.price_usd)
            rows.append(
                {
                    "ticker": ticker,
                    "cik": known.cik,
                    "date": day,
                    "price": price,
                    "market_cap": price * known.shares_outstanding,
                    "average_volume": float(now.previous.volume_shares) if now.previous else None,
                }
            )
    return rows


def _split(split: Split) -> Row:
    return {
        "id": f"{split.ticker}-{split.day}",
        "ticker": split.ticker,
        "execution_date": split.day,
        "split_from": split.split_from,
        "split_to": split.split_to,
        "adjustment_type": "forward_split"
        if split.split_to > split.split_from
        else "reverse_split",
        "historical_adjustment_factor": split.split_from / split.split_to,
    }
