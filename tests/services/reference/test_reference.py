"""The reference program on a real broker: with a vendor that answers, refuses, babbles or hangs."""

from pathlib import Path

import msgspec
import pytest

from mesh import broker, clock
from mesh.calendar import day_at, next_trading_day, previous_trading_day
from mesh.connection import Connection
from mesh.errors import SettingsError
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.naming import Bucket, previous_closes_key, reference_day_key
from schemas.reference import PreviousCloses, SymbolDay
from schemas.wire import json_decoder
from services.reference.service import serve
from services.reference.shelf import Shelf
from services.simulator import rest as simulator
from services.simulator.catalogue import TapeCatalogue
from services.simulator.service import bound
from services.simulator.tape import Tape
from tests.services.listener.programs import Told, running
from tests.services.reference.rest import NOTHING, Answer, Rest, bars
from tests.services.simulator.listening import KEY


pytestmark = pytest.mark.broker

MONDAY = "2024-10-07"
FRIDAY = "2024-10-04"

_decode = json_decoder(PreviousCloses).decode


def _asking(settings: Settings, url: str, days: str = MONDAY) -> Settings:
    return msgspec.structs.replace(settings, rest_url=url, api_key=KEY, reference_days=days)


async def _closes(connection: Connection, day: str = MONDAY) -> PreviousCloses:
    """What is in KV for *day*, as soon as there is something."""
    bucket = KeyValue(connection, Bucket.REFERENCE)

    async def stored() -> bytes:
        entry = await bucket.get(previous_closes_key(day))
        return entry.value or b"" if entry is not None else b""

    return _decode(await eventually(stored))


async def test_closes_of_the_day_before_are_loaded(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """Over a week-end back to Friday, from the simulator's own REST API."""
    header = "ticker,volume,open,close,high,low,window_start,transactions\n"
    row = "BRK.B,1000.5,10,11,12.5,9,1728014400000000000,\n"
    (tmp_path / "day.csv").write_text(header + row)
    (tmp_path / "trades.jsonl").write_text('{"ev":"T","sym":"F","t":1728307800000,"q":1}\n')
    with bound(0, "") as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = simulator.app(TapeCatalogue(Tape([tmp_path])), KEY)
        async with simulator.serving(app, listening), running(serve, _asking(settings, url)):
            found = await _closes(connection)

    assert found == PreviousCloses(MONDAY, FRIDAY, {"BRK.B": 11.0})


async def test_days_without_bars_are_looked_behind(
    settings: Settings, connection: Connection
) -> None:
    """A holiday is a day that the vendor has no bars of; week-ends are not even asked for."""
    rest = Rest(lambda day: bars(F=2.0, G=None) if day == "2024-10-03" else NOTHING)
    async with rest.serving() as url, running(serve, _asking(settings, url)):
        found = await _closes(connection)

    assert found == PreviousCloses(MONDAY, "2024-10-03", {"F": 2.0})
    assert [day for day in rest.asked if day.startswith("2024-")][:2] == [FRIDAY, "2024-10-03"]
    assert not {"2024-10-05", "2024-10-06"} & set(rest.asked)


@pytest.mark.parametrize(
    "broken",
    [
        (500, b"oops"),
        (401, b'{"status":"ERROR","error":"Unknown API Key"}'),
        (200, b"<html>maintenance</html>"),
        (200, b'{"results":[{"T":"F","c":"\xff"}]}'),
        (200, b'{"results":[1]}'),
    ],
)
async def test_vendor_that_fails_is_asked_again(
    settings: Settings, connection: Connection, broken: Answer
) -> None:
    """A failure keeps nothing from starting, is not taken for a day without bars, and is made good later."""
    rest = Rest(lambda _: broken)
    async with rest.serving() as url, running(serve, _asking(settings, url)) as told:
        await eventually(lambda: told.facts)
        rest.answer = lambda _: bars(F=3.0)
        found = await _closes(connection)

    assert told.facts["days"] == 0
    assert found == PreviousCloses(MONDAY, FRIDAY, {"F": 3.0})


async def test_vendor_that_is_not_there_is_asked_again(
    settings: Settings, connection: Connection
) -> None:
    """Refused connections keep nothing from starting either."""
    port = broker.free_port()
    asking = _asking(settings, f"http://127.0.0.1:{port}")
    async with running(serve, asking) as told:
        await eventually(lambda: told.facts)
        async with Rest(lambda _: bars(F=3.0)).serving(port):
            found = await _closes(connection)

    assert found.closes_usd == {"F": 3.0}


@pytest.mark.slow
async def test_vendor_that_hangs_does_not_hold_up_the_start(
    settings: Settings, connection: Connection
) -> None:
    """A vendor that takes the question and never answers is not waited for."""
    rest = Rest(lambda _: None)
    async with rest.serving() as url, running(serve, _asking(settings, url)) as told:
        await eventually(lambda: told.facts)

    assert connection.connected.is_set()
    assert told.counters["missing"] == [MONDAY]


async def test_new_day_on_a_board_is_loaded(settings: Settings, connection: Connection) -> None:
    """When the market reaches another day its closes are loaded; a board that is none is passed over."""
    boards = KeyValue(connection, Bucket.BOARDS)
    rest = Rest(lambda _: bars(F=3.0))
    async with rest.serving() as url, running(serve, _asking(settings, url)):
        for strange in (b"no board", b'{"trading_day":"\xff"}', b'{"trading_day":"tomorrow"}'):
            await boards.put("strange", strange)
        await boards.put("gainers", b'{"trading_day":"2024-10-08"}')
        found = await _closes(connection, "2024-10-08")

    assert found.closes_day == MONDAY


async def test_day_that_is_late_at_the_vendor_is_waited_for(
    settings: Settings, connection: Connection
) -> None:
    """The day that has just ended is asked for until it is there; meanwhile the one before it is better than nothing."""
    today = next_trading_day(day_at(int(clock.now_ms())))
    eve = previous_trading_day(today)
    before = previous_trading_day(eve)
    there = {before.name}
    rest = Rest(lambda day: bars(F=len(there)) if day in there else NOTHING)
    async with rest.serving() as url, running(serve, _asking(settings, url, today.name)):
        early = await _closes(connection, today.name)
        there.add(eve.name)

        async def closes_day() -> str | None:
            return (await _closes(connection, today.name)).closes_day

        await eventually(closes_day, lambda day: day == eve.name, timeout_s=40)  # type: ignore[arg-type]  # T is what is awaited
        late = await _closes(connection, today.name)

    assert early == PreviousCloses(today.name, before.name, {"F": 1.0})
    assert late == PreviousCloses(today.name, eve.name, {"F": 2.0})


async def test_key_that_may_not_ask_is_told_and_nothing_ends(
    settings: Settings, connection: Connection
) -> None:
    """A plan without daily bars leaves the day wanted; one with few years has as much history as it has."""
    rest = Rest(lambda _: (403, b"{}"))
    async with rest.serving() as url, running(serve, _asking(settings, url)) as told:
        await eventually(lambda: told.facts)
        wanted = told.facts["days"]
        rest.answer = lambda day: bars(F=3.0) if day == FRIDAY else (403, b"{}")
        found = await _closes(connection)

    assert wanted == 0
    assert found.closes_usd == {"F": 3.0}


async def test_value_that_the_broker_does_not_take_is_left_out(connection: Connection) -> None:
    """Too few partitions for too many symbols end nothing; the key is named, and put as soon as it fits."""
    told = Told()
    shelf = Shelf(connection, 1, told.log)
    large = SymbolDay("F", name="F" * connection.client.max_payload)
    await shelf.put_day(MONDAY, [large], complete=True)
    refused = set(shelf.too_large)
    await shelf.put_day(MONDAY, [SymbolDay("F", 1.0)], complete=True)
    entry = await KeyValue(connection, Bucket.DAILY).get(reference_day_key(MONDAY, 0))

    assert refused == {reference_day_key(MONDAY, 0)}
    assert len(told.said("reference.too_large")) == 1
    assert shelf.too_large == set()
    assert entry is not None


async def test_strange_day_is_refused(settings: Settings) -> None:
    """A day that is none ends the program with a sentence that names the setting."""
    with pytest.raises(SettingsError, match=r"MESH_REFERENCE_DAYS must be ISO dates.*was soon"):
        await serve(_asking(settings, "http://127.0.0.1:1", f"{MONDAY},soon"), Told())
