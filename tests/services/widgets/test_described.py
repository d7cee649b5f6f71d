"""What is told to programs about the protocol, held against what the service says and takes."""

from collections.abc import AsyncIterator
from typing import Any, get_args

import httpx
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker
from schemas.naming import Bucket
from schemas.vendor import What
from schemas.widget import (
    CLOSE_CODES,
    Ack,
    ClientFrame,
    Delta,
    Event,
    Feeds,
    Lag,
    ServerError,
    ServerFrame,
    Snap,
    Status,
)
from schemas.wire import DecodeError, encode_json
from tests.services.widgets.boards import encoded
from tests.services.widgets.market import Market, row
from tests.services.widgets.schemed import Schema, faults, references, resolve
from tests.services.widgets.serving import Running, on_free_port, running, visiting


pytestmark = pytest.mark.broker

CLIENT, SERVER = get_args(ClientFrame), get_args(ServerFrame)

_decode_client = msgspec.json.Decoder(ClientFrame).decode
QUERY = {"columns", "top", "sort", "where", "symbols"}
PARAMETERS: dict[str, set[str]] = {
    "/v1/boards": set(),
    "/v1/layouts": set(),
    "/v1/boards/{name}": {"name"} | QUERY,
    "/v1/rows": QUERY,
    "/v1/rows/{symbol}": {"symbol", "columns"},
    "/v1/alerts": {"kind", "symbol", "top"},
    "/v1/news": {"symbol", "top"},
    "/sse/{feed}": {"feed", "hz", "Last-Event-ID"} | QUERY,
    "/v1/bars/{symbol}": {"symbol", "interval", "from", "to", "days", "limit", "adjusted"},
    "/v1/logo/{symbol}": {"symbol", "kind"},
    **{f"/v1/{what}/{{symbol}}": {"symbol"} for what in What if what not in (What.BARS, What.LOGO)},
}
FRAMES: list[dict[str, Any]] = [
    {"action": "ping"},
    {"action": "ping", "id": -1},
    {"action": "ping", "id": 2**31},
    {"action": "ping", "id": True},
    {"action": "ping", "id": 1.5},
    {"action": "ping", "more": 1},
    {"action": "pong"},
    {"id": 1},
    {"type": "hello"},
    {"action": "auth", "token": "x" * 8192},
    {"action": "auth", "token": "x" * 8193},
    {"action": "sub", "id": 0, "feed": "row/*"},
    {"action": "sub", "id": 0, "feed": ""},
    {"action": "sub", "id": 0, "feed": "f" * 101},
    {"action": "sub", "id": 0, "feed": "row/*", "epoch": None, "seq": None},
    {"action": "sub", "id": 0, "feed": "row/*", "epoch": "e.1", "seq": "5"},
    {"action": "set", "id": 0},
    {"action": "set", "id": 0, "view": {"top": None, "columns": None, "where": None}},
    {"action": "set", "id": 0, "view": {"top": 0}},
    {"action": "set", "id": 0, "view": {"top": 5001}},
    {"action": "set", "id": 0, "view": {"bottom": 1}},
    {"action": "set", "id": 0, "view": {"hz": 0}},
    {"action": "set", "id": 0, "view": {"hz": 0.5}},
    {"action": "set", "id": 0, "view": {"hz": 50.5}},
    {"action": "set", "id": 0, "view": {"window": [0, 5]}},
    {"action": "set", "id": 0, "view": {"window": [0]}},
    {"action": "set", "id": 0, "view": {"window": [0, 5, 6]}},
    {"action": "set", "id": 0, "view": {"window": [-1, 5]}},
    {"action": "set", "id": 0, "view": {"symbols": ["A"] * 1000, "columns": ["a"] * 128}},
    {"action": "set", "id": 0, "view": {"symbols": ["A"] * 1001}},
    {"action": "set", "id": 0, "view": {"columns": ["a"] * 129}},
    {"action": "set", "id": 0, "view": {"columns": [5]}},
    {"action": "get", "id": 0, "feed": "row/*", "view": {"where": "w" * 1001}},
    {"action": "get", "id": 0, "feed": "row/*", "epoch": "e.1"},
    {"action": "unsub", "id": 0},
    {"action": "unsub"},
]
"""Of clients, some of which are none."""


class Recorded:
    """A connection that keeps what went over it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.said: list[str] = []
        self.heard: list[str] = []
        self._connection = connection

    async def send(self, content: bytes, *, text: bool) -> None:
        """As the connection's."""
        self.said.append(content.decode())
        await self._connection.send(content, text=text)

    async def recv(self) -> Any:
        """As the connection's."""
        text = await self._connection.recv()
        self.heard.append(str(text))
        return text

    @property
    def close_code(self) -> int | None:
        """As the connection's."""
        return self._connection.close_code


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


@pytest.fixture
async def program(settings: Settings, market: Market) -> AsyncIterator[Running]:
    """The program, with a market of two."""
    await market.show(row("A", 10.0), row("B", 20.0))
    async with running(on_free_port(settings, ws_flush_ms=10)) as made:
        yield made


async def test_schema_fits_every_frame_of_a_conversation(
    program: Running, market: Market, broker: RunningBroker
) -> None:
    """All that is said and heard, of every kind, is as the schema says, under its own name."""
    schema = await _document(program, "widget.json")
    async with visiting(program, token=None) as visitor:
        recorded = Recorded(visitor.connection)
        visitor.connection = recorded  # type: ignore[assignment]  # it does what the visitor needs
        await visitor.say(action="auth", token=program.token())
        await visitor.follow(1, "row/*", columns=["last_usd", "session", "bid_usd"], hz=50)
        await visitor.follow(2, "alert/>", top=3)
        await market.show(row("C", 5.0), row("A", 11.0))
        await visitor.hear(Delta)
        await market.alert("high", "A", "one", 1)
        await visitor.hear(Event)
        await KeyValue(market.connection, Bucket.BOARDS).put("gainers", encoded(("A", 1.0, 2.0)))
        await visitor.hear(Feeds)
        await visitor.say(action="set", id=1, view={"top": 1, "sort": "+last_usd", "where": None})
        await visitor.hear(Snap)
        await visitor.say(action="get", id=3, feed="board/gainers", view={"window": [0, 1]})
        await visitor.hear(Snap)
        await visitor.say(action="sub", id=4, feed="row/A", epoch="elsewhere", seq=5)
        await visitor.hear(Snap)
        await visitor.say(action="sub", id=5, feed="row/A", view={"where": "last_usd >"})
        await visitor.hear(ServerError)
        await visitor.say(action="unsub", id=1)
        await visitor.hear(Ack)
        await visitor.say(action="ping")
        await visitor.hear(Ack)
        await broker.kill()
        await visitor.hear(Status)
        program.lifecycle.stopping.set()
        assert await visitor.until_closed() == (1001, visitor.bye)

    kinds = {type(frame) for frame in visitor.heard}
    assert kinds == {*SERVER} - {Lag}
    assert {type(_decode_client(text)) for text in recorded.said} == {*CLIENT}
    for text in recorded.said + recorded.heard:
        frame = msgspec.json.decode(text)
        assert not [*faults(frame, schema, schema)], text
        assert not [*faults(frame, schema["$defs"][_name(frame)], schema)], text


async def test_schema_takes_what_the_service_takes(program: Running) -> None:
    """A client's frame fits the schema if, and only if, the service understands it."""
    schema = await _document(program, "widget.json")
    clients = {"anyOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in CLIENT]}
    for frame in FRAMES:
        assert _is_understood(frame) == (not [*faults(frame, clients, schema)]), frame


async def test_schema_names_what_the_frames_have(program: Running) -> None:
    """Names, tags and required fields are those of the frames themselves; every reference leads somewhere."""
    schema = await _document(program, "widget.json")

    assert {each["$ref"] for each in schema["anyOf"]} == {
        f"#/$defs/{kind.__name__}" for kind in CLIENT + SERVER
    }
    for kind in CLIENT + SERVER:
        told, config = schema["$defs"][kind.__name__], kind.__struct_config__
        fields = msgspec.structs.fields(kind)
        assert told["properties"][config.tag_field] == {"enum": [config.tag]}
        assert set(told["properties"]) == {config.tag_field, *(each.name for each in fields)}
        assert set(told["required"]) == {
            config.tag_field,
            *(each.encode_name for each in fields if each.required),
        }
        assert told["description"]
    _resolve_all(schema)


async def test_asyncapi_has_every_frame_and_code(program: Running) -> None:
    """Each frame is a message of the channel, in the operation of who sends it, with its schema; codes are those that are sent."""
    told = await _document(program, "asyncapi.json")
    channel = told["channels"]["ws"]
    messages = {name: resolve(told, each["$ref"]) for name, each in channel["messages"].items()}

    assert channel["address"] == "/ws"
    assert channel["x-close-codes"] == [*msgspec.to_builtins(CLOSE_CODES)]
    assert set(messages) == {kind.__name__ for kind in CLIENT + SERVER}
    assert {(each["action"], _refers_to(each)) for each in told["operations"].values()} == {
        ("receive", tuple(kind.__name__ for kind in CLIENT)),
        ("send", tuple(kind.__name__ for kind in SERVER)),
    }
    for name, message in messages.items():
        payload = resolve(told, message["payload"]["$ref"])
        assert payload["title"] == name
        assert message["name"] in next(iter(payload["properties"].values()))["enum"]
        assert message["summary"]
    _resolve_all(told)


async def test_openapi_has_every_route_for_people(program: Running) -> None:
    """All of `/v1` and `/sse` with their parameters, what they answer, and the token that they need."""
    told = await _document(program, "openapi.json")
    found = {
        path: {each["name"] for each in item["get"].get("parameters", ())}
        for path, item in told["paths"].items()
        if path.startswith(("/v1", "/sse"))
    }

    assert found == PARAMETERS
    assert told["security"] == [{"token": []}]
    token = told["components"]["securitySchemes"]["token"]
    assert (token["type"], token["scheme"]) == ("http", "bearer")
    for path in PARAMETERS:
        asked = told["paths"][path]["get"]
        assert asked["description"]
        assert {"200", "400", "401", "403"} <= asked["responses"].keys()
        for each in asked.get("parameters", ()):
            assert each.get("description"), (path, each["name"])
    _resolve_all(told)


async def _document(program: Running, name: str) -> Schema:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{program.page}schema/{name}")
    assert answer.status_code == 200
    found: Schema = answer.json()
    return found


def _resolve_all(document: Schema) -> None:
    for reference in references(document):
        resolve(document, reference)


def _refers_to(operation: Schema) -> tuple[str, ...]:
    return tuple(each["$ref"].rpartition("/")[2] for each in operation["messages"])


def _is_understood(frame: dict[str, Any]) -> bool:
    try:
        _decode_client(encode_json(frame))
    except DecodeError:
        return False
    return True


def _name(frame: dict[str, Any]) -> str:
    kinds = CLIENT if "action" in frame else SERVER
    tag = frame.get("action") or frame.get("type")
    names: list[str] = [each.__name__ for each in kinds if each.__struct_config__.tag == tag]
    return names[0]
