"""The vendor's view of companies over REST: short sales, filings, pictures."""

from collections.abc import Callable, Iterator
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from services.simulator import company
from services.simulator.catalogue import Catalogue, Known
from services.simulator.paging import Row, asked, not_found, page


_Request = Request[Any, Any, Any]
_PICTURES: dict[str, tuple[Callable[[Known], bytes], str]] = {
    "logo.svg": (company.logo, "image/svg+xml"),
    "icon.png": (company.icon, "image/png"),
}


def routes(catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """The handlers of companies."""

    def rows(request: _Request, of: Callable[[Catalogue, Known], list[Row]]) -> Iterator[Row]:
        """Of the ticker that is asked for, or of all."""
        try:
            ticker = asked(request).get("ticker")
        except ValueError:
            return  # `page` refuses it
        for known in catalogue.tickers.values():
            if ticker is None or ticker == known.ticker:
                yield from of(catalogue, known)

    @get("/stocks/v1/short-interest", sync_to_thread=True)
    def short_interest(request: _Request) -> Response[bytes]:
        return page(request, rows(request, company.short_interest), usual=10, most=50_000)

    @get("/stocks/v1/short-volume", sync_to_thread=True)
    def short_volume(request: _Request) -> Response[bytes]:
        return page(request, rows(request, company.short_volume), usual=10, most=50_000)

    @get("/stocks/filings/vX/index", sync_to_thread=True)
    def filings(request: _Request) -> Response[bytes]:
        return page(request, rows(request, company.filings), usual=1000, most=10_000)

    @get("/v1/reference/company-branding/{ticker:str}/images/{name:str}", sync_to_thread=False)
    def picture(ticker: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        known = catalogue.tickers.get(ticker)
        if known is None or name not in _PICTURES:
            return not_found("Image not found.")
        draw, media_type = _PICTURES[name]
        return Response(draw(known), media_type=media_type)

    return [short_interest, short_volume, filings, picture]
