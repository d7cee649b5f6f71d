"""Companies and historic bars over REST: what the vendor knows, how often it is asked, and what it says when it fails."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.vendor import What
from services.simulator.market import start_of
from services.simulator.synthetic import SyntheticCatalogue
from tests.services.simulator.resting import EVE, synthetic
from tests.services.widgets.serving import on_free_port, running
from tests.services.widgets.vending import Proxied, proxied


pytestmark = pytest.mark.broker

FACTS = [each for each in What if each not in (What.BARS, What.LOGO, What.SPLITS)]


@pytest.fixture(scope="module")
def catalogue() -> SyntheticCatalogue:
    """Of 200 symbols, one of which was split, and one renamed."""
    return synthetic()


@pytest.fixture
async def made(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> AsyncIterator[Proxied]:
    """The way to the vendor, with enough questions for all."""
    del connection
    async with proxied(settings, catalogue, ws_questions=10_000) as proxy:
        yield proxy


@pytest.fixture
async def http(made: Proxied) -> AsyncIterator[httpx.AsyncClient]:
    """Who may see everything."""
    async with made.client() as client:
        yield client


async def _got(http: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _status(http: httpx.AsyncClient, path: str) -> int:
    return (await http.get(f"v1/{path}")).status_code


async def test_company_is_told_with_its_pictures(
    http: httpx.AsyncClient, catalogue: SyntheticCatalogue
) -> None:
    """What the vendor knows, and links to pictures that need no key: their bytes are what they are said to be."""
    found = await _got(http, "v1/company/AAPL")
    logo, icon = await http.get(found["logo"]), await http.get(found["icon"])

    known = catalogue.tickers["AAPL"]
    assert (found["name"], found["shares_outstanding"], found["cik"]) == (
        known.name, known.shares_outstanding, known.cik,
    )  # fmt: skip
    assert found["homepage_url"].startswith("https://")
    assert logo.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in logo.headers["content-security-policy"]
    assert logo.content.startswith(b"<svg")
    assert icon.headers["content-type"] == "image/png"
    assert icon.content.startswith(b"\x89PNG")
    assert icon.headers["x-content-type-options"] == "nosniff"


async def test_lists_are_newest_first(
    http: httpx.AsyncClient, catalogue: SyntheticCatalogue
) -> None:
    """Short sales, splits, filings and tickers, as many as are said, each with what it needs."""
    split = catalogue.splits[0]
    rename = next(iter(catalogue.renames.values()))
    found = {
        name: (await _got(http, f"v1/{name}/{symbol}"))["rows"]
        for name, symbol in (
            ("short-interest", "AAPL"), ("short-volume", "AAPL"), ("filings", "AAPL"),
            ("splits", split.ticker), ("ticker-events", rename.ticker),
        )
    }  # fmt: skip

    for rows in found.values():
        days = [row["day"] for row in rows]
        assert days == sorted(days, reverse=True)
    counts = {name: len(rows) for name, rows in found.items()}
    assert counts == {
        "short-interest": 24, "short-volume": 60, "filings": 100, "splits": 1, "ticker-events": 2,
    }  # fmt: skip
    assert found["short-volume"][0]["day"] == EVE
    assert 0 < found["short-volume"][0]["short_pct"] < 100
    assert found["splits"][0] == {
        "day": split.day, "from_shares": split.split_from, "to_shares": split.split_to,
        "kind": "forward_split" if split.split_to > split.split_from else "reverse_split",
    }  # fmt: skip
    assert [row["symbol"] for row in found["ticker-events"]] == [rename.ticker, rename.old]
    assert {row["impact"] for row in found["filings"]} == {"high", "medium", "low"}
    assert all(row["index_url"].startswith("https://www.sec.gov/") for row in found["filings"])


async def test_bars_are_those_of_the_vendor(
    http: httpx.AsyncClient, catalogue: SyntheticCatalogue
) -> None:
    """Every length, oldest first, in columns of one length; longer bars are made of shorter ones."""
    days = {"from": "2025-12-29", "to": EVE}
    query = {"limit": "50000", **days}
    found = {
        interval: await _got(http, "v1/bars/AAPL", interval=interval, **query)
        for interval in ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
    }
    seconds = await _got(http, "v1/bars/AAPL", interval="1s", **{**query, "from": EVE})

    volume = sum(found["1d"]["volume_shares"])
    for interval, bars in found.items():
        times = bars["start_ms"]
        assert times == sorted(set(times))
        assert {len(bars[name]) for name in bars if isinstance(bars[name], list)} == {len(times)}
        assert (bars["interval"], bars["is_cut"]) == (interval, False)
        assert sum(bars["volume_shares"]) == volume
        assert max(bars["high_usd"]) == max(found["1m"]["high_usd"])
    assert (len(seconds["start_ms"]), seconds["is_cut"]) == (50_000, True)
    assert seconds["close_usd"][-1] == found["1m"]["close_usd"][-1]
    assert len(found["1d"]["start_ms"]) == 4  # New Year's day is none
    eve = catalogue.day_bars(EVE, adjusted=True)["AAPL"]
    assert found["1d"]["close_usd"][-1] == eve.close_usd
    assert found["1h"]["open_usd"][0] == found["1m"]["open_usd"][0]


async def test_range_is_cut_as_asked(http: httpx.AsyncClient) -> None:
    """A range in milliseconds holds what begins in it; of more bars than wanted the oldest are left out, and that is said."""
    first, last = start_of(f"{EVE}T10:00:00"), start_of(f"{EVE}T10:10:00")
    ten = await _got(http, "v1/bars/SPY", **{"from": str(first), "to": str(last)})
    three = await _got(http, "v1/bars/SPY", limit="3", **{"from": str(first), "to": str(last)})
    week = await _got(http, "v1/bars/SPY", interval="1d", days="7", to=EVE)

    assert ten["start_ms"] == list(range(first, last, 60_000))
    assert not ten["is_cut"]
    assert three["start_ms"] == ten["start_ms"][-3:]
    assert three["is_cut"]
    assert len(week["start_ms"]) == 5


async def test_unadjusted_bars_are_as_they_were(
    http: httpx.AsyncClient, catalogue: SyntheticCatalogue
) -> None:
    """The volume before a split is in the shares of then."""
    split = next(each for each in catalogue.splits if each.day > EVE)
    query = {"interval": "1d", "from": EVE, "to": EVE}
    adjusted = await _got(http, f"v1/bars/{split.ticker}", **query)
    raw = await _got(http, f"v1/bars/{split.ticker}", adjusted="false", **query)

    assert raw["adjusted"] is False
    assert raw["volume_shares"][0] * split.split_to / split.split_from == pytest.approx(
        adjusted["volume_shares"][0]
    )


async def test_running_day_is_asked_again_alone(
    made: Proxied, http: httpx.AsyncClient, catalogue: SyntheticCatalogue
) -> None:
    """Days that are over are asked once, however often the chart is drawn; the day that runs, each few seconds."""
    del catalogue
    path = "range/1/minute"
    today, over = f"{path}/2026-01-05/2026-01-05", f"{path}/2025-12-31/2026-01-04"
    ages = []

    async def again() -> int:
        answer = await http.get("v1/bars/QQQ")
        assert answer.status_code == 200
        ages.append(int(answer.headers["cache-control"].removeprefix("private, max-age=")))
        return len(made.asked(f"QQQ/{today}"))

    await eventually(again, lambda count: count > 1, timeout_s=20.0)  # type: ignore[arg-type]  # T is what is awaited
    assert len(made.asked(f"QQQ/{over}")) == 1
    assert max(ages) <= 3
    old = await http.get("v1/bars/QQQ", params={"to": EVE})
    assert int(old.headers["cache-control"].removeprefix("private, max-age=")) > 40_000


@pytest.mark.parametrize("what", FACTS)
async def test_vendor_is_asked_once(made: Proxied, http: httpx.AsyncClient, what: str) -> None:
    """Twenty who ask at once, and one who asks later, are one question to the vendor; what there is not is remembered too."""
    for symbol, status in (("NVDA", 200), ("NONE", 404)):
        before = len(made.asked(symbol))
        answers = await asyncio.gather(*(http.get(f"v1/{what}/{symbol}") for _ in range(20)))
        answers.append(await http.get(f"v1/{what}/{symbol}"))

        assert {each.status_code for each in answers} == {status}
        assert len(made.asked(symbol)) - before == 1
        assert len({each.content for each in answers}) == 1


async def test_absent_says_what_is_absent(http: httpx.AsyncClient) -> None:
    """404 for what the vendor does not have, in words, and nobody keeps it."""
    for path in ("company/NONE", "splits/SPY", "filings/SPY", "bars/NONE", "logo/SPY", "logo/NONE"):
        answer = await http.get(f"v1/{path}")

        assert answer.status_code == 404, path
        assert path.partition("/")[2] in answer.json()["message"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("fault", ["limit", "error", "malformed", "hang"])
async def test_failure_of_the_vendor_is_told_and_mended(
    made: Proxied, http: httpx.AsyncClient, fault: Any
) -> None:
    """502 with what the vendor said; it is not asked again at once, and when it is well again it is."""
    path = "/vX/reference/tickers/TSLA"
    made.faults.fail(path, fault)
    answer = await http.get("v1/ticker-events/TSLA")
    again = await http.get("v1/ticker-events/TSLA")

    assert answer.status_code == again.status_code == 502
    assert answer.json()["message"].startswith("the vendor failed: /vX/reference/tickers/TSLA")
    said = {"limit": "maximum requests", "error": "500 oops", "hang": "timed out"}
    assert said.get(fault, "Expected") in answer.json()["message"]
    assert len(made.asked("TSLA")) == 1
    made.faults.mend()
    await eventually(lambda: _status(http, "ticker-events/AMD"), (200).__eq__, timeout_s=20.0)


async def test_failing_day_that_runs_is_a_failure(made: Proxied, http: httpx.AsyncClient) -> None:
    """Bars of today that are too old are not told in its place: they would look as if nothing traded."""
    await _got(http, "v1/bars/AMZN")
    made.faults.fail("/v2/aggs/ticker/AMZN", "error")

    await eventually(lambda: _status(http, "bars/AMZN"), (502).__eq__, timeout_s=20.0)


async def test_users_have_budgets_of_their_own(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """Who asks too much is told when to come back, and nobody else notices; no question of his gets to the vendor."""
    del connection
    async with (
        proxied(settings, catalogue, ws_questions=30) as made,
        made.client(user="greedy") as greedy,
        made.client(user="modest") as modest,
    ):
        answers = [await greedy.get("v1/company/AAPL") for _ in range(30)]
        refused = [each for each in answers if each.status_code == 429]
        allowed = await modest.get("v1/company/MSFT")
        asked = len(made.asked("tickers/META"))
        await greedy.get("v1/company/META")

        assert {each.status_code for each in answers} == {200, 429}
        assert len(refused) >= 15
        assert 1 <= int(refused[0].headers["retry-after"]) <= 60
        assert " " in refused[0].json()["message"]
        assert allowed.status_code == 200
        assert len(made.asked("tickers/META")) == asked


async def test_scope_of_the_row_is_needed(made: Proxied) -> None:
    """Whoever may see the row of a symbol may ask about it, and about no other."""
    async with made.client("row/AAPL", "board/>") as guest:
        for what in (*FACTS, "bars", "logo"):
            assert (await guest.get(f"v1/{what}/AAPL")).status_code == 200
            refused = await guest.get(f"v1/{what}/MSFT")
            assert refused.status_code == 403
            assert "MSFT" in refused.json()["message"]

    assert made.asked("MSFT") == []


async def test_without_reference_there_is_nobody_to_ask(
    settings: Settings, connection: Connection
) -> None:
    """503 at once, and when to come back."""
    del connection
    async with (
        running(on_free_port(settings)) as program,
        httpx.AsyncClient(base_url=program.page, trust_env=False) as http,
    ):
        token = {"Authorization": f"Bearer {program.token()}"}
        answer = await http.get("v1/company/AAPL", headers=token)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_endpoints_are_described(http: httpx.AsyncClient) -> None:
    """OpenAPI names each path, its parameters, the shape of its answer, and every refusal."""
    paths = (await http.get("schema/openapi.json")).json()["paths"]

    for what in What:
        described = paths[f"/v1/{what}/{{symbol}}"]["get"]
        assert {*map(str, (200, 400, 401, 403, 404, 429, 502, 503))} <= set(described["responses"])
        assert described["description"]
    bars = paths["/v1/bars/{symbol}"]["get"]
    names = {each["name"] for each in bars["parameters"]}
    assert names == {"symbol", "interval", "from", "to", "days", "limit", "adjusted"}
    shape = msgspec.json.encode(bars["responses"]["200"]).decode()
    assert "Bars" in shape
