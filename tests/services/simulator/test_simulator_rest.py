"""The simulator's REST API, asked by the vendor's own client: shapes, pages, filters, faults."""

import asyncio
from datetime import date
from itertools import islice
from typing import Any

import msgspec
import pytest
from massive.exceptions import BadResponse
from urllib3.exceptions import ReadTimeoutError

from mesh.calendar import day_of
from services.simulator.market import start_of
from services.simulator.synthetic import SyntheticCatalogue
from tests.services.simulator.resting import EVE, FIRST_DAY, Vendor, synthetic, vendor


@pytest.fixture(scope="module")
def catalogue() -> SyntheticCatalogue:
    """Of 400 symbols, two of which were split and two renamed."""
    return synthetic(400)


def _all(generator: Any) -> list[Any]:
    return list(generator)


async def test_lists_come_in_pages(catalogue: SyntheticCatalogue) -> None:
    """The client follows `next_url` to the end; every ticker comes once, in order."""
    async with vendor(catalogue) as served:
        client = served.client()
        tickers = await asyncio.to_thread(
            lambda: _all(client.list_tickers(market="stocks", limit=150))
        )
        floats = await asyncio.to_thread(lambda: _all(client.list_stocks_floats(limit=100)))
        asked = len(served.faults.asked)

    found = [each.ticker for each in tickers]
    assert found == sorted(catalogue.tickers)
    assert {each.ticker for each in floats} == {
        known.ticker for known in catalogue.tickers.values() if known.free_float_shares
    }
    assert asked == 3 + -(-len(floats) // 100)
    assert all(0 < each.free_float_percent <= 100 for each in floats)


async def test_lists_are_filtered(catalogue: SyntheticCatalogue) -> None:
    """By equality, by comparison and by a list of values; a filter survives the pages."""
    async with vendor(catalogue) as served:
        client = served.client()

        def ask() -> tuple[list[Any], ...]:
            return (
                _all(client.list_stocks_splits(execution_date=FIRST_DAY)),
                _all(client.list_stocks_splits(execution_date_lt=FIRST_DAY)),
                _all(client.list_tickers(ticker="BRK.B")),
                _all(client.list_tickers(ticker_gte="M", limit=40)),
                _all(client.list_financials_ratios(ticker_any_of="AAPL,MSFT,SPY")),
            )

        of_day, before, one, late, ratios = await asyncio.to_thread(ask)

    assert [split.execution_date for split in of_day] == [FIRST_DAY]
    assert of_day[0].historical_adjustment_factor == of_day[0].split_from / of_day[0].split_to
    assert len(before) == len(catalogue.splits) - 1
    assert [each.ticker for each in one] == ["BRK.B"]
    assert {each.ticker for each in late} == {sym for sym in catalogue.tickers if sym >= "M"}
    assert [each.ticker for each in ratios] == ["AAPL", "MSFT"]  # a fund has no ratios
    shares = catalogue.tickers["AAPL"].shares_outstanding
    assert shares
    assert ratios[0].market_cap / ratios[0].price == pytest.approx(shares)


async def test_days_before_the_first_lead_up_to_it(catalogue: SyntheticCatalogue) -> None:
    """The eve closes where the tape begins, each day is a possible one, and there are none before the first."""
    async with vendor(catalogue) as served:
        client = served.client()
        eve, older, weekend = [
            await asyncio.to_thread(client.get_grouped_daily_aggs, day)
            for day in (EVE, "2025-03-03", "2026-01-03")
        ]

    previous = {listing.sym: listing.previous_close / 1e4 for listing in catalogue._market.listings}
    assert {bar.ticker: bar.close for bar in eve} == previous
    assert weekend == []
    assert len(older) > 380
    for bar in (*eve, *older):
        assert 0 < bar.low <= min(bar.open, bar.close)
        assert bar.high >= max(bar.open, bar.close)
        assert bar.low <= bar.vwap <= bar.high


def test_same_seed_knows_the_same() -> None:
    """Whatever is asked for first, and another seed knows something else."""
    one, same, other = synthetic(60), synthetic(60), synthetic(60, seed=2)
    same.day_bars("2025-12-01", adjusted=True)

    assert one.day_bars("2025-06-02", adjusted=False) == same.day_bars("2025-06-02", adjusted=False)
    assert one.tickers == same.tickers
    assert (one.splits, one.renames) == (same.splits, same.renames)
    assert other.tickers != one.tickers


def test_one_ticker_is_as_among_all(catalogue: SyntheticCatalogue) -> None:
    """The bar of a ticker is the same whether it is asked for alone or with the whole market."""
    for day in (EVE, "2025-11-28", "2025-03-03", "2024-06-03"):
        for adjusted in (True, False):
            market = catalogue.day_bars(day, adjusted=adjusted)
            assert market
            alone = {
                ticker: catalogue.day_bar(ticker, day, adjusted=adjusted)
                for ticker in islice(market, 40)
            }
            assert alone == {ticker: market[ticker] for ticker in alone}
    assert catalogue.day_bar("NONE", EVE, adjusted=True) is None


async def test_bars_are_given_as_they_were_if_asked_for(catalogue: SyntheticCatalogue) -> None:
    """Unadjusted, the days before a split show the old prices and volumes; by default the new ones."""
    split = next(split for split in catalogue.splits if split.day == FIRST_DAY)
    factor = split.split_to / split.split_from
    async with vendor(catalogue) as served:
        client = served.client()
        adjusted, raw = [
            {
                bar.ticker: bar
                for bar in await asyncio.to_thread(client.get_grouped_daily_aggs, EVE, how)
            }
            for how in (True, False)
        ]

    assert raw[split.ticker].close == pytest.approx(adjusted[split.ticker].close * factor)
    assert raw[split.ticker].volume == pytest.approx(adjusted[split.ticker].volume / factor)
    others = {ticker for ticker in raw if raw[ticker].close != adjusted[ticker].close}
    assert others == {split.ticker}


async def test_renamed_ticker_was_another_before(catalogue: SyntheticCatalogue) -> None:
    """Days before have it under the old ticker, and its events say which and since when."""
    rename = next(iter(catalogue.renames.values()))
    before = catalogue._history.days[catalogue._history.days.index(rename.day) + 1]
    async with vendor(catalogue) as served:
        client = served.client()
        told = await asyncio.to_thread(client.get_ticker_events, rename.ticker)
        with pytest.raises(BadResponse, match="NOT_FOUND"):
            await asyncio.to_thread(client.get_ticker_events, rename.old)

    assert rename.ticker in catalogue.day_bars(rename.day, adjusted=True)
    assert rename.ticker not in catalogue.day_bars(before, adjusted=True)
    assert rename.old in catalogue.day_bars(before, adjusted=True)
    assert next((each["date"], each["ticker_change"]["ticker"]) for each in told.events) == (
        rename.day, rename.ticker,
    )  # fmt: skip
    assert told.events[1]["ticker_change"]["ticker"] == rename.old


async def test_minutes_add_up_to_their_day(catalogue: SyntheticCatalogue) -> None:
    """Between 04:00 and 20:00, ordered, and all of the day's volume; a half day ends at 17:00."""
    half = "2025-11-28"
    async with vendor(catalogue) as served:
        client = served.client()
        bars = await asyncio.to_thread(
            lambda: _all(client.list_aggs("BRK.B", 1, "minute", half, EVE, limit=50_000))
        )
        days = await asyncio.to_thread(lambda: _all(client.list_aggs("BRK.B", 1, "day", EVE, EVE)))

    times = [bar.timestamp for bar in bars]
    day = day_of(date.fromisoformat(EVE))
    of_eve = [bar for bar in bars if day.start_ms <= bar.timestamp < day.end_ms]
    short = [time for time in times if day_of(date.fromisoformat(half)).end_ms > time]
    assert times == sorted(set(times))
    assert short[-1] == start_of(f"{half}T16:59:00")
    assert sum(bar.volume for bar in of_eve) == days[0].volume
    assert min(bar.timestamp for bar in of_eve) >= day.pre_ms
    assert max(bar.timestamp for bar in of_eve) < day.post_end_ms


async def test_single_questions_are_answered(catalogue: SyntheticCatalogue) -> None:
    """Details, snapshot and the state of the market, as the client reads them."""
    async with vendor(catalogue) as served:
        client = served.client()

        def ask() -> tuple[Any, ...]:
            return (
                client.get_ticker_details("AAPL"),
                client.get_snapshot_all("stocks"),
                client.get_market_status(),
                client.get_market_holidays(),
            )

        details, snapshot, status, holidays = await asyncio.to_thread(ask)
        with pytest.raises(BadResponse, match="Ticker not found"):
            await asyncio.to_thread(client.get_ticker_details, "NONE")

    assert details.share_class_shares_outstanding == catalogue.tickers["AAPL"].shares_outstanding
    assert len(snapshot) == 400
    assert {each.ticker: each.prev_day.close for each in snapshot}["AAPL"] == 271.0
    assert (status.market, status.early_hours, status.after_hours) == (
        "extended-hours",
        True,
        False,
    )
    assert [(each.date, each.status) for each in holidays if each.exchange == "NYSE"][:2] == [
        ("2026-01-19", "closed"), ("2026-02-16", "closed"),
    ]  # fmt: skip
    assert ("2026-11-27", "early-close") in [(each.date, each.status) for each in holidays]


@pytest.mark.parametrize(
    "path",
    [
        "/v3/reference/tickers?limit=1001",
        "/stocks/v1/splits?limit=x",
        "/stocks/vX/float?cursor=%FF",
        "/v2/aggs/ticker/F/range/1/minute/today/tomorrow",
        "/v2/aggs/ticker/F/range/1/minute/2025-01-01/2025-01-02?cursor=%FF",
        "/v2/aggs/ticker/F/range/1/fortnight/2025-01-01/2025-01-02",
        "/v2/aggs/ticker/F/range/0/minute/2025-01-01/2025-01-02",
    ],
)
async def test_senseless_question_is_refused(path: str, catalogue: SyntheticCatalogue) -> None:
    """In the vendor's shape, with 400."""
    async with vendor(catalogue) as served:
        answer = await _get(served, path)

    assert answer.status == 400
    assert msgspec.json.decode(answer.data)["status"] == "ERROR"


async def test_faults_come_and_go_on_demand(catalogue: SyntheticCatalogue) -> None:
    """Only what was asked to fail does, in the four ways that a vendor fails."""
    path = "/stocks/vX/float"
    async with vendor(catalogue) as served:
        served.faults.fail(path, "limit")
        assert (await _get(served, path)).status == 429
        assert (await _get(served, "/v1/marketstatus/now")).status == 200
        served.faults.fail(path, "error")
        assert (await _get(served, path)).status == 500
        served.faults.fail(path, "malformed")
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode((await _get(served, path)).data)
        served.faults.fail(path, "hang")
        with pytest.raises(ReadTimeoutError):
            await _get(served, path, read_timeout=0.2)
        served.faults.mend()
        assert (await _get(served, path)).status == 200


async def _get(served: Vendor, path: str, **options: Any) -> Any:
    pool = served.client(**options).client
    return await asyncio.to_thread(pool.request, "GET", served.url + path, retries=False)


def test_curves_of_a_day_differ_by_symbol(catalogue: SyntheticCatalogue) -> None:
    """No two symbols trade in the same minutes to the share."""
    two = [catalogue.minute_bars(sym, EVE, adjusted=True) for sym in islice(catalogue.tickers, 2)]

    assert [each.bar.volume_shares for each in two[0]] != [
        each.bar.volume_shares for each in two[1]
    ]
