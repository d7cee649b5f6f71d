"""The reference program on a real broker, with the simulator's REST API as its vendor."""

from datetime import date
from statistics import fmean

import msgspec
import pytest

from mesh.calendar import day_of
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.partition import partition_of
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.naming import Bucket, loaded_parts_key, previous_closes_key, symbol_token
from schemas.reference import LoadedParts, Part, PreviousCloses, Reference
from schemas.wire import encode_json, json_decoder
from services.reference.curves import cumulative_shares
from services.reference.service import serve
from services.simulator.events import DayBar
from services.simulator.faults import Fault
from services.simulator.synthetic import SyntheticCatalogue
from tests.services.listener.programs import running
from tests.services.reference.reading import (
    PARTITIONS,
    PATIENCE_S,
    asking,
    curve,
    partitions,
    reference,
    symbols,
    until_complete,
    until_curved,
    until_known,
)
from tests.services.simulator.resting import EVE, FIRST_DAY, synthetic, vendor


pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def catalogue() -> SyntheticCatalogue:
    """Of 60 symbols, one of them split on the first day, one renamed lately."""
    return synthetic(60)


def _past(catalogue: SyntheticCatalogue, sym: str, count: int) -> list[DayBar]:
    """Adjusted bars of the full days before the first, newest first, whatever the ticker was."""
    full = [
        day
        for day in catalogue._history.days
        if (found := day_of(date.fromisoformat(day))).close_ms - found.open_ms == 23_400_000
    ]
    bars = [catalogue._history.bar(sym, day) for day in full[:count]]
    return [bar for bar in bars if bar is not None]


async def test_everything_is_known_of_every_symbol(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """Each symbol once, in its partition, with the values that the vendor's own bars and lists give."""
    async with (
        vendor(catalogue) as served,
        running(serve, asking(settings, served.url, reference_curves=0)) as told,
    ):
        await until_complete(connection)
        split, renamed = catalogue.splits[0], next(iter(catalogue.renames.values()))
        await eventually(lambda: told.said("reference.completed")[1:], timeout_s=PATIENCE_S)
        found = await symbols(connection)
        stored = await partitions(connection)

    assert set(found) == set(catalogue.tickers)
    assert all(
        partition_of(symbol_token(each.symbol), PARTITIONS) == part.partition
        for part in stored
        for each in part.symbols
    )
    for sym, known in catalogue.tickers.items():
        one = found[sym]
        eve = catalogue._history.bar(sym, EVE)
        assert eve is not None
        assert (one.name, one.exchange, one.kind) == (known.name, known.exchange, known.kind)
        assert one.previous_close_usd == pytest.approx(eve.close_usd)
        assert one.previous_high_usd == pytest.approx(eve.high_usd)
        assert one.previous_vwap_usd == pytest.approx(eve.vwap_usd)
        assert one.previous_volume_shares == pytest.approx(eve.volume_shares)
        assert one.shares_outstanding == pytest.approx(known.shares_outstanding)
        assert one.float_day == (known.float_day if known.free_float_shares else None)
        if sym not in (split.ticker, *catalogue._listed):
            assert one.free_float_shares == known.free_float_shares
            past = _past(catalogue, sym, 30)
            assert one.average_days == 30
            assert one.average_volume_shares == pytest.approx(
                fmean(bar.volume_shares for bar in past)
            )
    assert told.counters["missing"] == []
    assert told.counters["symbols"] == 60
    assert (split.day, renamed.ticker in found) == (FIRST_DAY, True)


async def test_split_of_the_day_and_renamed_symbol(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """What was split this morning is measured in shares of today; a renamed symbol keeps its past."""
    split, renamed = catalogue.splits[0], next(iter(catalogue.renames.values()))
    factor = split.split_to / split.split_from
    async with (
        vendor(catalogue) as served,
        running(serve, asking(settings, served.url, reference_curves=0)),
    ):
        known = await until_known(connection, renamed.ticker, lambda each: bool(each.renamed_from))
        found = await until_complete(connection)
        closes = await KeyValue(connection, Bucket.REFERENCE).get(previous_closes_key(FIRST_DAY))
        of_split = await reference(connection, split.ticker)

    eve = catalogue._history.bar(split.ticker, EVE)
    floats = catalogue.tickers[split.ticker].free_float_shares
    assert eve is not None
    assert found[split.ticker].split_factor == factor
    assert found[split.ticker].previous_close_usd == pytest.approx(eve.close_usd)
    assert found[split.ticker].free_float_shares == (floats and pytest.approx(floats * factor))
    assert closes is not None
    usd = json_decoder(PreviousCloses).decode(closes.value or b"").closes_usd
    assert usd[split.ticker] == pytest.approx(eve.close_usd)
    assert of_split is not None
    assert of_split.split_factor == factor

    one = found[renamed.ticker]
    assert (one.renamed_from, known.renamed_day) == (renamed.old, renamed.day)
    assert one.history_days == max(each.history_days for each in found.values())
    assert one.average_volume_shares == pytest.approx(
        fmean(bar.volume_shares for bar in _past(catalogue, renamed.ticker, 30))
    )
    assert renamed.old not in found


async def test_curves_are_the_average_of_twenty_days(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """The last minute of a curve is the average volume of the full days before; most traded symbols come first."""
    async with (
        vendor(catalogue) as served,
        running(serve, asking(settings, served.url, reference_curves=5)) as told,
    ):
        await until_known(connection, "NVDA", lambda each: "curve" in each.parts)
        found = await curve(connection, "NVDA")

    assert found is not None
    assert (found.asof_day, found.days) == (FIRST_DAY, 20)
    average = fmean(bar.volume_shares for bar in _past(catalogue, "NVDA", 20))
    assert cumulative_shares(found)[-1] == pytest.approx(average, rel=1e-6)
    assert told.counters["curves"] <= 5


async def test_restart_asks_only_for_what_is_too_old(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """With everything young nothing is asked; with floats of yesterday those, and the splits that change them."""
    bucket = KeyValue(connection, Bucket.REFERENCE)
    async with vendor(catalogue) as served:
        chosen = asking(settings, served.url, reference_curves=3)
        async with running(serve, chosen) as told:
            await until_complete(connection)
            await until_curved(connection, 3)
        before = await symbols(connection)
        first = len(served.faults.asked)

        async with running(serve, chosen) as told:
            await eventually(lambda: told.facts)
            resumed = told.said("reference.resumed")
        again = served.faults.asked[first:]

        entry = await bucket.get(loaded_parts_key(FIRST_DAY))
        assert entry is not None
        parts = json_decoder(LoadedParts).decode(entry.value or b"").parts
        old = {**parts, "float": Part("value", parts["float"].asof_ms - 86_400_000)}
        await bucket.put(entry.key, encode_json(LoadedParts(FIRST_DAY, old)))
        second = len(served.faults.asked)
        async with running(serve, chosen) as told:
            await told.until("reference.completed")
        aged = served.faults.asked[second:]

    assert len(resumed) == 1
    assert again == []
    assert [path.partition("?")[0] for path in aged] == ["/stocks/v1/splits", "/stocks/vX/float"]
    assert await symbols(connection) == before


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["limit", "error", "hang", "malformed"])
async def test_part_that_fails_keeps_nothing_else_back(
    fault: Fault, settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """Without floats everything else is there, a value from before stays, and it is made good in the end."""
    bucket = KeyValue(connection, Bucket.REFERENCE)
    known = next(each for each in catalogue.tickers.values() if each.free_float_shares)
    earlier = Reference(known.ticker, EVE, free_float_shares=77.0, float_day="2025-01-02")
    value = msgspec.structs.replace(earlier, parts={"float": Part("value", 1.0)})
    await bucket.put(symbol_token(known.ticker), encode_json(value))
    async with vendor(catalogue) as served:
        served.faults.fail("/stocks/vX/float", fault)
        async with running(serve, asking(settings, served.url, reference_curves=0)) as told:
            meanwhile = await until_known(
                connection, known.ticker, lambda each: each.trading_day == FIRST_DAY
            )
            without = await partitions(connection)
            served.faults.mend()
            found = await until_complete(connection)
            await eventually(lambda: told.said("reference.completed")[-1]["failed"] == [])

    assert (meanwhile.free_float_shares, meanwhile.parts["float"]) == (77.0, Part("value", 1.0))
    assert meanwhile.name == known.name
    assert len(without) == PARTITIONS
    assert not any(each.complete for each in without)
    assert found[known.ticker].free_float_shares == known.free_float_shares
    assert told.counters["failures"] >= 1
    assert told.counters["missing"] == []


async def test_symbols_without_a_float_are_known_to_have_none(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """What the vendor does not list is absent, not failed and not zero."""
    absent = next(each for each in catalogue.tickers.values() if not each.free_float_shares)
    async with (
        vendor(catalogue) as served,
        running(serve, asking(settings, served.url, reference_curves=0)) as told,
    ):
        await told.until("reference.completed")
        found = await reference(connection, absent.ticker)

    assert found is not None
    assert found.free_float_shares is None
    assert found.parts["float"].state == "absent"
    assert {name for name, part in found.parts.items() if part.state == "failed"} == set()


async def test_calls_are_counted_and_in_bulk(
    settings: Settings, connection: Connection, catalogue: SyntheticCatalogue
) -> None:
    """Everything but ticker changes of new symbols takes one call a day of history, and one a list."""
    async with (
        vendor(catalogue) as served,
        running(serve, asking(settings, served.url, reference_curves=0)) as told,
    ):
        await told.until("reference.completed")
        await until_complete(connection)
        bulk = [each for each in served.faults.asked if "/events" not in each]

    kinds = [each.partition("?")[0].rpartition("/")[0] for each in bulk]
    days = [each for each in bulk if "/grouped/" in each]
    assert len(days) == len(set(days))
    assert len([kind for kind in kinds if "grouped" not in kind]) == 4
    assert sum("2026-01-02" in each for each in days) == 1
    assert told.counters["calls"] == len(served.faults.asked)
