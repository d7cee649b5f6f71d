"""A vendor by script for the page: companies as a test wants them, and what was asked."""

import asyncio
import re
from typing import Any

from playwright.async_api import Page, Route

from mesh import clock
from schemas.wire import encode_json


LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><rect width="90" height="30"/></svg>'
SEC = "https://www.sec.gov/Archives/edgar/data/1/"
_OF_COMPANIES = re.compile("/v1/(?!layouts|bars)")
FOUR = ("mesh-company", "mesh-short", "mesh-filings", "mesh-splits")
"""The widgets that show it."""

COMPANY = {
    "name": "Able Corp", "description": "Makes ladders.", "homepage_url": "https://www.able.example/",
    "logo": "/v1/logo/AAA?kind=logo", "icon": None, "exchange": "XNAS", "kind": "CS", "industry": "LADDERS & STEPS",
    "listed_day": "2010-01-04", "market_cap_usd": 1e9, "shares_outstanding": 20e6, "employees": 1234, "phone": "555-0100",
    "city": "AUSTIN", "state": "TX", "cik": "0000000001", "figi": None,
}  # fmt: skip


class Vendor:
    """Answers everything below `/v1` that is about a company."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Paths below `/v1`, in order."""
        self.status = 200
        self.message = ""
        """Of an answer that is none."""
        self.age_ms = 0.0
        """Of what the service has in its cache."""
        self.answers: dict[str, dict[str, Any]] = {
            "company": COMPANY,
            "short-interest": {"rows": [
                {"day": "2025-12-31", "short_shares": 2e6, "average_volume_shares": 8e5, "days_to_cover": 2.5},
                {"day": "2025-12-15", "short_shares": 1.6e6, "average_volume_shares": 8e5, "days_to_cover": 2.0},
            ]},
            "short-volume": {"rows": [
                {"day": "2026-01-02", "short_shares": 3e5, "total_shares": 6e5, "short_pct": 50.0},
                {"day": "2025-12-31", "short_shares": 1e5, "total_shares": 4e5, "short_pct": 25.0},
            ]},
            "filings": {"rows": [
                {"day": "2026-01-05", "form": "8-K", "impact": "high", "issuer": "Able Corp", "index_url": f"{SEC}1-index.htm", "text_url": f"{SEC}1.txt"},
                {"day": "2025-11-03", "form": "CORRESP", "impact": "low", "issuer": "Able Corp", "index_url": None, "text_url": f"{SEC}2.txt"},
            ]},
            "splits": {"rows": [
                {"day": "2026-01-09", "from_shares": 20, "to_shares": 1, "kind": "reverse_split"},
                {"day": "2020-08-31", "from_shares": 1, "to_shares": 4, "kind": "forward_split"},
            ]},
            "ticker-events": {"name": "Able Corp", "rows": [
                {"day": "2022-06-09", "kind": "ticker_change", "symbol": "AAA"},
                {"day": "2010-01-04", "kind": "ticker_change", "symbol": "ABLE"},
            ]},
        }  # fmt: skip
        self._lets_answer = asyncio.Event()
        self._lets_answer.set()

    async def serve(self, page: Page) -> None:
        """Answer what *page* asks."""
        await page.route(_OF_COMPANIES, self._answer)

    def wait(self) -> None:
        """Answer nothing, until `go_on`."""
        self._lets_answer.clear()

    def go_on(self) -> None:
        """Answer what has been asked, and everything after it."""
        self._lets_answer.set()

    def fail(self, status: int, message: str) -> None:
        """Answer with a refusal from now on; 200: answer again."""
        self.status, self.message = status, message

    async def _answer(self, route: Route) -> None:
        path = route.request.url.partition("/v1/")[2]
        what, symbol = path.split("/")[:2]
        self.asked.append(path)
        await self._lets_answer.wait()
        if self.status != 200:
            body = encode_json({"message": self.message, "place": None})
            await route.fulfill(status=self.status, content_type="application/json", body=body)
        elif what == "logo":
            await route.fulfill(content_type="image/svg+xml", body=LOGO)
        else:
            said = {"symbol": symbol, "asof_ms": clock.now_ms() - self.age_ms}
            fresh = {"Cache-Control": "private, max-age=300"}
            body = encode_json(said | self.answers[what])
            await route.fulfill(content_type="application/json", headers=fresh, body=body)
