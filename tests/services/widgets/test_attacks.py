"""Attacks on who may come in and what he may see: the points of OWASP's WebSocket sheet, one by one."""

import base64
from collections.abc import AsyncIterator, Callable

import httpx
import jwt
import pytest
from websockets.exceptions import InvalidStatus

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.tokens import Tokens, unverified_claims
from schemas.naming import Bucket
from schemas.widget import SUBPROTOCOL, Bye, Hello, ServerError
from services.widgets import stream
from tests.services.widgets.attacking import MARK, attacked, ended
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import KEY, USER, Running, visiting


pytestmark = pytest.mark.broker


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


@pytest.fixture
async def program(
    settings: Settings, market: Market, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Running]:
    """The program as it is by itself, closed, and whole afterwards."""
    await market.show(row("A", 10.0), row("B", 20.0))
    async with attacked(settings, caplog) as made:
        yield made


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "file://",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}0",
        "http://evil.example/http://127.0.0.1:{port}",
        "http://evil.example#http://127.0.0.1:{port}",
        "http://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}@evil.example",
        "http://a.localhost:{port}",
        "HTTP://127.0.0.1:{port}",
        "http://LOCALHOST:{port}",
        " http://127.0.0.1:{port}, http://evil.example",
    ],
)
async def test_other_origin_is_refused(program: Running, origin: str) -> None:
    """Point "exact Origin allow-list": a page of any other name, port, scheme or spelling gets no connection, even with a token."""
    with pytest.raises(InvalidStatus) as refused:
        async with visiting(program, {"Origin": origin.format(port=program.port)}):
            pass

    assert refused.value.response.status_code == 403
    assert b"Traceback" not in refused.value.response.body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_own_origin_needs_a_token_all_the_same(program: Running, host: str) -> None:
    """Point "auth at handshake or first frame": the right page is let in, and with a token alone is told anything."""
    headers = {"Origin": f"http://{host}:{program.port}"}
    async with visiting(program, headers, token=None) as nobody:
        await nobody.say(action="sub", id=1, feed="row/*")
        assert isinstance(await nobody.next(), ServerError)
        await nobody.say(action="auth", token=program.token())
        assert (await nobody.hear(Hello)).user == USER


async def test_no_token_in_time_ends_the_connection(
    program: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Point "with deadline": who says everything but who he is goes with code 4401, and was told nothing."""
    monkeypatch.setattr(stream, "AUTH_WITHIN_S", 0.2)
    async with visiting(program, token=None) as nobody:
        for action in ("sub", "get"):
            await nobody.say(action=action, id=1, feed="row/*")
        await nobody.say(action="set", id=1, view={})
        await nobody.say(action="unsub", id=1)
        await nobody.say(action="ping")
        bye = await ended(nobody)

    assert bye.code == 4401
    assert {type(frame) for frame in nobody.heard} == {ServerError, Bye}


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "q"])
async def test_token_in_the_url_is_refused(program: Running, name: str) -> None:
    """Point "tokens not in URLs": a valid token there opens nothing, and not even another one beside it does."""
    query = f"?{name}={program.token()}"
    async with visiting(program, token=None, query=query) as visitor:
        assert (await ended(visitor)).code == 4401
    async with visiting(program, query=query) as visitor:
        assert (await ended(visitor)).code == 4401


async def test_cookie_with_a_token_opens_nothing(program: Running) -> None:
    """Point "SameSite cookies or token": the service neither sets nor reads cookies, so no other site can use one."""
    async with visiting(program, {"Cookie": f"token={program.token()}"}, token=None) as visitor:
        await visitor.say(action="get", id=1, feed="row/*")
        assert isinstance(await visitor.next(), ServerError)
    async with httpx.AsyncClient() as http:
        assert "set-cookie" not in (await http.get(program.page)).headers


async def test_nothing_but_this_machine_is_listened_to(program: Running) -> None:
    """Point "WSS only": in plain text the service talks to its own machine alone; TLS ends before it."""
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://127.0.0.2:{program.port}/")


def _forged(**changes: object) -> str:
    now_s = int(clock.now_ms() // 1000)
    claims = {
        "iss": "tickmesh", "aud": "widgets", "sub": MARK, "iat": now_s, "exp": now_s + 60,
        "jti": "0" * 32, "scope": ">", **changes,
    }  # fmt: skip
    return jwt.encode(claims, KEY, algorithm="HS256")


def _unsigned(header: str) -> str:
    claims = _forged().split(".")[1]
    return f"{base64.urlsafe_b64encode(header.encode()).decode().rstrip('=')}.{claims}."


_BAD: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "words": lambda: f"let me in {MARK}",
    "long": lambda: "a" * 8192,
    "not ASCII": lambda: "\u20ac.\u20ac.\u20ac",
    "alg none": lambda: _unsigned('{"alg":"none","typ":"JWT"}'),
    "alg NONE": lambda: _unsigned('{"alg":"nOnE"}'),
    "alg RS256": lambda: _unsigned('{"alg":"RS256"}') + "AAAA",
    "own key in the head": lambda: _unsigned('{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}'),
    "cut": lambda: _forged()[:-1],
    "other key": lambda: Tokens(b"x" * 32).issue("me", [">"], 60, clock.now_ms()),
    "other audience": lambda: _forged(aud="nats"),
    "several audiences": lambda: _forged(aud=["widgets", "nats"]),
    "other issuer": lambda: _forged(iss="elsewhere"),
    "for ever": lambda: _forged(exp=1 << 52),
    "no end": lambda: _forged(exp=None),
    "not yet": lambda: _forged(nbf=1 << 52, exp=1 << 52),
    "over": lambda: _forged(iat=1, exp=60),
    "no scope": lambda: _forged(scope=""),
    "scope is a list": lambda: _forged(scope=[">"]),
    "user is a line": lambda: _forged(sub="a\nb"),
}


@pytest.mark.parametrize("kind", _BAD)
async def test_bad_token_opens_nothing(program: Running, kind: str) -> None:
    """Point "auth": forged, foreign, old and senseless tokens end with 4401, said in a frame or in the handshake."""
    token = _BAD[kind]()
    async with visiting(program, token=None) as visitor:
        await visitor.say(action="auth", token=token)
        assert (await ended(visitor)).code == 4401
    if token and token.isascii() and " " not in token and len(token) < 8000:
        async with visiting(program, token=token) as visitor:
            assert (await ended(visitor)).code == 4401
        if len(token) < 4096:
            offered = [SUBPROTOCOL, f"token.{token}"]
            async with visiting(program, token=None, subprotocols=offered) as visitor:
                assert (await ended(visitor)).code == 4401

    assert not any(isinstance(frame, Hello) for frame in visitor.heard)


async def test_subprotocol_with_the_token_is_not_said_back(program: Running) -> None:
    """Point "log never tokens": the handshake's answer, which proxies log, names our subprotocol and not the token's."""
    offered = [f"token.{program.token()}", SUBPROTOCOL]
    async with visiting(program, token=None, subprotocols=offered) as visitor:
        assert (await visitor.hear(Hello)).user == USER
        assert visitor.connection.subprotocol == SUBPROTOCOL


async def test_token_that_expires_ends_the_connection(program: Running) -> None:
    """Point "close on expiry": a connection does not outlive its token."""
    old = program.tokens.issue(USER, [">"], 1, clock.now_ms() - 5_000)
    async with visiting(program, token=old) as visitor:
        await visitor.hear(Hello)
        assert (await ended(visitor)).code == 4419


async def test_newer_token_prolongs_the_stay(program: Running) -> None:
    """Point "re-validate": a client that brings a newer token in time stays, and what it follows goes on."""
    old = program.tokens.issue(USER, [">"], 3, clock.now_ms() - 5_000)
    async with visiting(program, token=old) as visitor, visiting(program, token=old) as lazy:
        await visitor.follow(1, "row/A")
        await visitor.say(action="auth", token=program.token())
        hello = await visitor.hear(Hello)
        assert (await ended(lazy)).code == 4419
        assert await visitor.is_served()

    assert (hello.expires_ms or 0) > clock.now_ms() + 60_000


@pytest.mark.parametrize("during", [True, False])
async def test_revoked_token_is_over(
    program: Running, connection: Connection, *, during: bool
) -> None:
    """Point "close on logout": a token that was taken back ends its connections, and opens no other."""
    token = program.token(user="thief")
    async with visiting(program, token=token) as visitor:
        await visitor.hear(Hello)
        if during:
            await visitor.follow(1, "row/*")
        revoked = KeyValue(connection, Bucket.REVOKED)
        await revoked.put(unverified_claims(token)["jti"], b"{}")
        assert (await ended(visitor)).code == 4403
    async with visiting(program, token=token) as visitor:
        assert (await ended(visitor)).code == 4403


async def test_violation_is_logged_without_what_was_sent(program: Running) -> None:
    """Point "log violations, never payloads or tokens": who was closed, from where and why; who left by itself is not."""
    async with visiting(program) as visitor:
        await visitor.hear(Hello)
        for _ in range(30):
            await visitor.connection.send(f'{{"{MARK}"')
        assert (await ended(visitor)).code == 4400
    async with visiting(program) as other:
        await other.hear(Hello)

    told = await program.lifecycle.until("client.closed")
    facts = {key: told[key] for key in ("code", "why", "user", "address", "level")}
    assert facts == {
        "code": 4400, "why": "not-understood", "user": USER, "address": "127.0.0.1", "level": "info",
    }  # fmt: skip
    assert len(program.lifecycle.said("client.closed")) == 1
