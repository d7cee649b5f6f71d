"""Boards, rows and alerts as `curl` asks for them: what a `get` on `/ws` gives, and refusals in words."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.naming import NEWS_STREAM, Bucket
from schemas.widget import Event, Hello, Snap
from tests.services.widgets.boards import encoded
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import Running, on_free_port, running, visiting


pytestmark = pytest.mark.broker

_LAST = {"columns": ["last_usd"]}
_CHEAP_FIRST = {"columns": ["last_usd", "volume_shares"], "sort": "+last_usd", "top": 2}
TABLES: list[tuple[str, str, dict[str, Any]]] = [
    ("v1/rows", "row/*", {}),
    ("v1/rows", "row/*", _CHEAP_FIRST),
    ("v1/rows", "row/*", _LAST | {"where": "last_usd >= 20 and symbol != 'C'"}),
    ("v1/rows", "row/*", _LAST | {"symbols": ["C", "BRK.B", "NONE"], "sort": "symbol"}),
    ("v1/rows/BRK.B", "row/BRK.B", {}),
    ("v1/rows/BRK.B", "row/BRK.B", _LAST),
    ("v1/rows/NONE", "row/NONE", {}),
    ("v1/boards/gainers", "board/gainers", {}),
    ("v1/boards/gainers", "board/gainers", {"columns": ["score"], "top": 1}),
    ("v1/boards/losers", "board/losers", _LAST | {"where": "last_usd < 15", "sort": "last_usd"}),
]
"""Path, feed and view."""
WRONG: list[dict[str, str]] = [
    {"top": "0"}, {"top": "5001"}, {"top": "many"}, {"top": "1.5"}, {"top": "9" * 400},
    {"columns": "nothing"}, {"columns": "last_usd,__class__"}, {"columns": "symbol"},
    {"columns": ",".join(["last_usd"] * 129)}, {"columns": "x" * 101},
    {"sort": "nothing"}, {"sort": "-last_usd"}, {"sort": "\u0000"}, {"sort": "s" * 101},
    {"symbols": ",".join(f"S{number}" for number in range(1001))}, {"symbols": "S" * 101},
    {"where": "last_usd > " + "1" * 1000}, {"where": "("}, {"where": "\u0000"},
]  # fmt: skip
"""Queries that are no view."""
HOSTILE = (
    "%2F", "%2f%2f", "..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "A%00B", "%0d%0aX-Evil:%201", "%ff%fe", "%80",
    "%ed%a0%80", "%", "%zz", "A" * 20_000, "%F0%9F%9A%80" * 500, "*", "%3E", "*%2F*", "row%2FA", ".", "$KV.boards.x", "%7B%7D",
)  # fmt: skip
"""Names as no client of ours would write them."""


@pytest.fixture
async def program(settings: Settings, connection: Connection) -> AsyncIterator[Running]:
    """The program, with a market of three and a board, all of which it has."""
    market, boards = Market(connection), KeyValue(connection, Bucket.BOARDS)
    await market.show(row("A", 10.0), row("BRK.B", 20.0), row("C", 30.0))
    await boards.put("gainers", encoded(("C", 5.0, 30.0), ("A", 1.0, 10.0)))
    await market.alert("high", "BRK.B", "one", 1)
    async with running(on_free_port(settings, ws_flush_ms=10)) as made, visiting(made) as visitor:
        await visitor.follow(1, "row/*")
        await visitor.follow(2, "board/gainers")
        await visitor.follow(3, "alert/*/*")
        while not visitor.values(3):
            await visitor.next()
        yield made


@pytest.fixture
async def http(program: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Who asks, with a token for everything."""
    async with _asking(program, program.token()) as made:
        yield made


async def test_table_is_that_of_a_get(program: Running, http: httpx.AsyncClient) -> None:
    """The same feed and view are the same moment of the same table, in rows with names."""
    async with visiting(program) as visitor:
        for path, feed, view in TABLES:
            answer = await http.get(path, params=_as_query(view))
            await visitor.say(action="get", id=7, feed=feed, view=view)
            snap = await visitor.hear(Snap)

            assert answer.status_code == 200, answer.text
            assert answer.json() == {
                "feed": feed,
                "epoch": snap.epoch,
                "seq": snap.seq,
                "head": msgspec.to_builtins(snap.head),
                "total": snap.total,
                "rows": [dict(zip(snap.columns, each, strict=True)) for each in snap.rows],
            }


async def test_table_has_what_was_asked_for(http: httpx.AsyncClient) -> None:
    """Columns, number, order, condition and symbols do what they say; a symbol that is none has no row."""

    async def rows(path: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await http.get(path, params=query)).json()["rows"]
        return found

    assert await rows("v1/rows", columns="last_usd", top="2", sort="last_usd") == [
        {"symbol": "C", "last_usd": 30},
        {"symbol": "BRK.B", "last_usd": 20},
    ]
    assert await rows("v1/rows", columns="last_usd", symbols="A,NONE") == [
        {"symbol": "A", "last_usd": 10}
    ]
    assert await rows("v1/rows", columns="bid_usd", where="last_usd > 25") == [
        {"symbol": "C", "bid_usd": None}
    ]
    assert await rows("v1/boards/gainers", columns="score") == [
        {"symbol": "C", "score": 5},
        {"symbol": "A", "score": 1},
    ]
    assert await rows("v1/rows/NONE") == []


async def test_alerts_are_those_of_a_get(
    program: Running, http: httpx.AsyncClient, connection: Connection
) -> None:
    """By kind and symbol, the newest so many, oldest first."""
    market = Market(connection)
    await market.alert("low", "A", "two", 2)
    await market.alert("high", "A", "three", 3)

    async def numbers(**query: str) -> list[int]:
        values = (await http.get("v1/alerts", params=query)).json()["values"]
        return [value["number"] for value in values]

    await eventually(numbers, [1, 2, 3].__eq__)
    assert await numbers(kind="high") == [1, 3]
    assert await numbers(symbol="A") == [2, 3]
    assert await numbers(kind="low", symbol="BRK.B") == []
    assert await numbers(top="1") == [3]
    async with visiting(program) as visitor:
        await visitor.say(action="get", id=7, feed="alert/high/*", view={"top": 5})
        event = await visitor.hear(Event)
        answer = (await http.get("v1/alerts", params={"kind": "high", "top": "5"})).json()

    assert (answer["feed"], answer["seq"]) == (event.feed, event.seq)
    assert answer["values"] == [msgspec.json.decode(value) for value in event.values]


async def test_boards_are_those_of_hello(program: Running, http: httpx.AsyncClient) -> None:
    """The list has every board that a client of `/ws` is told of."""
    async with visiting(program) as visitor:
        feeds = (await visitor.hear(Hello)).feeds

    assert (await http.get("v1/boards")).json() == {
        "boards": [each.removeprefix("board/") for each in feeds if each.startswith("board/")]
    }


async def test_token_says_what_may_be_seen(program: Running, http: httpx.AsyncClient) -> None:
    """401 without a token that is valid, or with one in the URL; 403 beyond its scopes, and what is within is given."""
    paths = ("v1/boards", "v1/boards/gainers", "v1/rows", "v1/rows/A", "v1/alerts", "v1/news")
    async with _asking(program, None) as nobody, _asking(program, "eyJ.eyJ.x") as stranger:
        for path in paths:
            for answer in (
                await nobody.get(path),
                await stranger.get(path),
                await nobody.get(path, params={"token": program.token()}),
                await http.get(path, params={"access_token": program.token()}),
            ):
                assert _refusal(answer, 401)
    async with _asking(program, program.token("row/A", "alert/high/*")) as guest:
        for path in ("v1/boards", "v1/boards/gainers", "v1/rows", "v1/rows/C", "v1/alerts"):
            assert _refusal(await guest.get(path), 403)
        assert (await guest.get("v1/rows/A")).status_code == 200
        assert (await guest.get("v1/alerts", params={"kind": "high"})).status_code == 200


async def test_condition_that_is_none_names_its_place(http: httpx.AsyncClient) -> None:
    """400, with a sentence and the character from 0 on, as the error on `/ws` has it."""
    for where, place in (("last_usd >> 1", 9), ("price > 1", 0), ("last_usd > 1 or foo", 16)):
        for path in ("v1/rows", "v1/boards/gainers"):
            answer = await http.get(path, params={"where": where})

            assert _refusal(answer, 400)
            assert answer.json()["place"] == place


async def test_feed_that_is_none_is_not_found(http: httpx.AsyncClient) -> None:
    """404 for a board that is neither known nor there."""
    for path in ("v1/boards/nowhere", "v1/boards/%C3%A9", "v1/boards/Gainers"):
        assert _refusal(await http.get(path), 404)


async def test_query_that_is_no_view_is_refused_in_words(http: httpx.AsyncClient) -> None:
    """400, with a sentence, wherever it is that the question is wrong."""
    for path in ("v1/rows", "v1/boards/gainers"):
        for query in WRONG:
            assert _refusal(await http.get(path, params=query), 400), query
    for query in ({"top": "0"}, {"top": "2001"}, {"top": "x"}):
        assert _refusal(await http.get("v1/alerts", params=query), 400), query
    assert _refusal(await http.get("v1/rows/A", params={"columns": "nothing"}), 400)


async def test_hostile_name_is_refused(program: Running, http: httpx.AsyncClient) -> None:
    """Whatever bytes stand in a path, nothing fails and nothing else than feeds is shown."""
    for name in HOSTILE:
        for path in ("v1/boards/", "v1/rows/", "v1/alerts?kind=", "v1/alerts?symbol=", "v1/"):
            status, text = await _raw(program, path + name)

            assert 200 <= status < 500, (path, name[:40], status)
            assert "Traceback" not in text
            assert "X-Evil" not in text.partition("\r\n\r\n")[0]
    assert (await http.get("v1/rows/A")).status_code == 200


async def test_other_methods_and_paths_are_refused_in_words(http: httpx.AsyncClient) -> None:
    """Nothing can be written, and what is not there says so as every other refusal does."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert _refusal(await http.request(method, "v1/rows", content=b"{}"), 405)
    for path in ("v1", "v1/nowhere", "v2/rows", "v1/rows/A/B"):
        assert _refusal(await http.get(path), 404)


async def test_before_the_first_row_there_is_none_yet(
    settings: Settings, connection: Connection
) -> None:
    """503 says when to ask again; alerts are none once their stream is known, and not before."""
    await connection.api(f"$JS.API.STREAM.DELETE.{NEWS_STREAM}")
    async with (
        running(on_free_port(settings)) as program,
        visiting(program) as visitor,
        _asking(program, program.token()) as http,
    ):
        await visitor.follow(1, "alert/*/*")
        for path in ("v1/rows", "v1/rows/A", "v1/boards/gainers", "v1/news"):
            answer = await http.get(path)

            assert _refusal(answer, 503)
            assert answer.headers["retry-after"].isdecimal()
        assert (await http.get("v1/alerts")).json()["values"] == []
        assert (await http.get("v1/boards")).json() == {"boards": []}


@asynccontextmanager
async def _asking(program: Running, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=program.page, headers=headers, trust_env=False) as made:
        yield made


def _as_query(view: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in view.items()
    }


def _refusal(answer: httpx.Response, status: int) -> bool:
    """Whether *answer* is of *status*, and says why in a sentence and not more."""
    said = answer.json()
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "application/json"
        and set(said) == {"message", "place"}
        and " " in said["message"]
        and "eyJ" not in said["message"]
    )


async def _raw(program: Running, path: str) -> tuple[int, str]:
    """The answer on *path*, which no library has tidied."""
    reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
    writer.write(
        f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {program.token()}\r\n\r\n".encode()
    )
    text = (await reader.read()).decode(errors="replace")
    writer.close()
    await writer.wait_closed()
    return int(text.split(" ", 2)[1]), text


async def test_news_are_the_newest_of_a_symbol_or_all(
    http: httpx.AsyncClient, connection: Connection
) -> None:
    """Articles come oldest first, those about a symbol alone if one is named."""
    market = Market(connection)
    for number, symbol in enumerate(("A", "BRK.B", "A"), start=1):
        await market.article(symbol, number)

    async def numbers(**query: str) -> list[int]:
        values = (await http.get("v1/news", params=query)).json()["values"]
        return [each["number"] for each in values]

    await eventually(numbers, [1, 2, 3].__eq__)
    assert await numbers(symbol="A") == [1, 3]
    assert await numbers(top="1") == [3]
