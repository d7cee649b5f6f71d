"""Attacks on what the service answers beside its WebSocket: pages, rows for curl, server-sent events."""

from collections.abc import AsyncIterator

import httpx
import pytest

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from mesh.tokens import unverified_claims
from schemas.naming import Bucket
from tests.services.widgets.attacking import attacked
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import USER, Running, visiting


pytestmark = pytest.mark.broker

PATHS = (
    "v1/rows",
    "v1/rows/A",
    "v1/boards",
    "v1/boards/gainers",
    "v1/alerts",
    "v1/news",
    "sse/row/A",
)


@pytest.fixture
async def program(
    settings: Settings, connection: Connection, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Running]:
    """The program, with a market of two, and whole afterwards."""
    await Market(connection).show(row("A", 10.0), row("B", 20.0))
    async with attacked(settings, caplog) as made:
        async with visiting(made) as visitor:
            await visitor.follow(1, "row/*")
        yield made


@pytest.fixture
async def http(program: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(base_url=program.page, trust_env=False) as made:
        yield made


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", PATHS)
async def test_request_without_a_token_is_refused(
    program: Running, http: httpx.AsyncClient, path: str
) -> None:
    """No token, a bad one, one in the URL or in a cookie: 401, whatever is asked for."""
    token = program.token()
    for answer in (
        await http.get(path),
        await http.get(path, headers=_bearer("eyJ.eyJ.x")),
        await http.get(path, params={"token": token}),
        await http.get(path, params={"token": token}, headers=_bearer(token)),
        await http.get(path, headers={"Cookie": f"token={token}"}),
        await http.get(path, headers={"Authorization": f"Basic {token}"}),
    ):
        assert answer.status_code == 401
        assert token not in answer.text


@pytest.mark.parametrize("path", ["v1/rows", "v1/rows/B", "v1/boards/x", "v1/alerts", "sse/row/*", "sse/status"])  # fmt: skip
async def test_request_beyond_the_scope_is_refused(
    program: Running, http: httpx.AsyncClient, path: str
) -> None:
    """A token for one row shows no other, and no list."""
    assert (await http.get(path, headers=_bearer(program.token("row/A")))).status_code == 403


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("v1/rows", {"where": "(" * 12_000}),
        ("v1/rows", {"where": " or ".join(["last_usd>1"] * 4000)}),
        ("v1/rows", {"where": "last_usd >"}),
        ("v1/rows", {"columns": "__class__"}),
        ("v1/rows", {"columns": ",".join(["last_usd"] * 5000)}),
        ("v1/rows", {"symbols": ",".join(["A"] * 10_000)}),
        ("v1/rows", {"top": "9" * 5000}),
        ("v1/rows", {"top": "-1"}),
        ("v1/rows", {"sort": "\u0000"}),
        ("v1/rows/%2e%2e%2f%2e%2e", {}),
        ("v1/rows/%00", {}),
        ("v1/rows/%ff%fe", {}),
        ("v1/rows/" + "A" * 5000, {}),
        ("v1/boards/..", {}),
        ("v1/alerts", {"kind": ">", "symbol": "A"}),
        ("v1/alerts", {"kind": "a/b", "symbol": "\u0000"}),
        ("v1/alerts", {"top": "1e9"}),
        ("sse/row/A", {"hz": "nan"}),
        ("sse/row/A", {"hz": "-1"}),
        ("sse/row/A", {"top": "9" * 30}),
        ("sse/row/A", {"where": "(" * 5000}),
        ("sse/row/A", {"columns": "__class__"}),
        ("sse/$KV.revoked.%3E", {}),
        ("sse/", {}),
        ("sse/..%2f..%2fetc%2fpasswd", {}),
        ("nowhere", {}),
        ("schema/nowhere", {}),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_senseless_question_is_answered(
    program: Running, http: httpx.AsyncClient, path: str, params: dict[str, str]
) -> None:
    """What cannot be is refused in words, and never by 500 or by a trace of the program."""
    async with http.stream("GET", path, params=params, headers=_bearer(program.token())) as answer:
        assert answer.status_code < 500
        if not answer.headers["content-type"].startswith("text/event-stream"):
            assert b"Traceback" not in await answer.aread()


@pytest.mark.parametrize("position", ["x:" + "9" * 5000, "x:99999999999999999999999", "x:-1", ":", "x:\u0663", "x" * 5000])  # fmt: skip
async def test_position_of_another_world_begins_anew(
    program: Running, http: httpx.AsyncClient, position: str
) -> None:
    """A `Last-Event-ID` that nobody has given out is no reason to fail."""
    token = _bearer(program.token())["Authorization"].encode()
    headers = [(b"Authorization", token), (b"Last-Event-ID", position.encode())]
    async with http.stream("GET", "sse/row/A", headers=headers) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                assert line.startswith('data: {"type":"snap"')
                break


@pytest.mark.parametrize("how", ["expired", "revoked"])
async def test_stream_of_events_ends_with_its_token(
    program: Running, http: httpx.AsyncClient, connection: Connection, how: str
) -> None:
    """A stream does not outlive the token that opened it, any more than a WebSocket does."""
    token = program.token()
    if how == "expired":
        token = program.tokens.issue(USER, [">"], 2, clock.now_ms() - 5_000)
    async with http.stream("GET", "sse/row/A", headers=_bearer(token)) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        await anext(lines)
        if how == "revoked":
            revoked = KeyValue(connection, Bucket.REVOKED)
            await revoked.put(unverified_claims(token)["jti"], b"{}")
        async for _ in lines:
            pass
    await eventually(lambda: _status(http, token), (401).__eq__)


async def _status(http: httpx.AsyncClient, token: str) -> int:
    return (await http.get("v1/rows/A", headers=_bearer(token))).status_code
