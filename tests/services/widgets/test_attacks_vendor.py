"""Attacks on the vendor proxy: by clients on what it asks, and by a vendor on what it tells."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from schemas.naming import vendor_subject
from schemas.vendor import VendorAnswer, What
from schemas.wire import encode_json, msgpack_decoder
from tests.services.reference.rest import Answer, Rest
from tests.services.simulator.resting import synthetic
from tests.services.widgets.serving import Running
from tests.services.widgets.vending import MARKED_KEY, Proxied, asking_at, proxied


pytestmark = pytest.mark.broker

HOSTILE_SYMBOLS = (
    "..", ".", "...", "%2e%2e", "%2e%2e%2f%2e%2e%2fv1%2fmarketstatus%2fnow", "..%2f..", "A%2FB", "A%3fapiKey=x", "A%23", "A%26limit=1",
    "%0d%0aX-Evil:%201", "A%0d%0aHost:%20evil", "A%00", "%ff%fe", "A%20B", "A" * 33, "A" * 20_000, "%F0%9F%9A%80", "*", "%3E", "$KV.boards.x",
    "A%7Bsymbol%7D", "%7Bsymbol%7D", "A@evil.example", "%5c..%5c",
)  # fmt: skip
WRONG: tuple[dict[str, str], ...] = (
    {"interval": "2m"}, {"interval": ""}, {"interval": "1m/../../x"}, {"interval": "1" * 5000}, {"limit": "0"}, {"limit": "50001"}, {"limit": "-1"},
    {"limit": "9" * 5000}, {"limit": "x"}, {"days": "0"}, {"days": "20001"}, {"days": "1e9"}, {"from": "x"}, {"from": "9" * 5000}, {"from": "-1"},
    {"from": "9999-12-31"}, {"from": "0001-01-01"}, {"to": "9999-12-31"}, {"to": "2026-01-05T00:00:00"}, {"to": "2026-13-01"}, {"to": "\u0663"},
    {"to": "2026-01-05/../../x"}, {"to": "2026-01-05\r\nX-Evil: 1"}, {"from": "2026-01-05", "to": "2026-01-02"}, {"adjusted": "x"},
    {"from": "99999999999999999999"}, {"from": "\u0000"},
)  # fmt: skip
ODD = b'{"results":[{"t":%s,"o":1,"h":1,"l":1,"c":1,"v":1,"n":%s}]}'

_decode = msgpack_decoder(VendorAnswer).decode


@pytest.fixture
async def made(settings: Settings, connection: Connection) -> AsyncIterator[Proxied]:
    """The way to the vendor, which still works afterwards, and of which nobody said the key."""
    del connection
    async with proxied(settings, synthetic(20), ws_questions=10_000) as proxy:
        yield proxy
        async with proxy.client(user="another") as http:
            assert (await http.get("v1/company/AAPL")).status_code == 200
    said = [
        str(each) for told in (proxy.reference, proxy.program.lifecycle) for each in told.records
    ]
    assert not any(MARKED_KEY in each for each in said)


@pytest.mark.parametrize("what", list(What))
async def test_hostile_symbol_never_gets_to_the_vendor(made: Proxied, what: What) -> None:
    """Whatever stands in the place of a symbol is refused in words, and no path at the vendor is made of it."""
    before = [each for each in made.faults.asked if _is_of_people(each)]
    for symbol in HOSTILE_SYMBOLS:
        status, head, body = await _raw(made.program, f"v1/{what}/{symbol}")

        assert 400 <= status < 405, (symbol[:40], status)
        assert "x-evil" not in head.lower()
        assert set(msgspec.json.decode(body)) == {"message", "place"}
    assert [each for each in made.faults.asked if _is_of_people(each)] == before


async def test_senseless_range_is_refused_in_words(made: Proxied) -> None:
    """400 for intervals, times and numbers that are none or too large; the vendor is not asked."""
    async with made.client() as http:
        for query in WRONG:
            answer = await http.get("v1/bars/AAPL", params=query)

            assert answer.status_code == 400, query
            assert " " in answer.json()["message"]
            assert len(answer.content) < 10_000
    assert made.asked("/v2/aggs/ticker") == []


async def test_token_is_needed(made: Proxied) -> None:
    """No token, a bad one, one in the URL: 401, whatever is asked for; nothing can be written."""
    token = made.program.token()
    async with httpx.AsyncClient(base_url=made.program.page, trust_env=False) as http:
        for what in What:
            path = f"v1/{what}/AAPL"
            for answer in (
                await http.get(path),
                await http.get(path, headers={"Authorization": "Bearer eyJ.eyJ.x"}),
                await http.get(path, params={"token": token}),
                await http.get(path, params={"apiKey": MARKED_KEY}),
            ):
                assert answer.status_code == 401
                assert token not in answer.text
                assert MARKED_KEY not in answer.text
            bearer = {"Authorization": f"Bearer {token}"}
            assert (await http.post(path, headers=bearer, content=b"{}")).status_code == 405
    assert made.asked("AAPL") == []


@pytest.mark.parametrize(
    "question",
    [b"", b"{", b"[]", b"null", b'{"symbol":1}', b'{"symbol":".."}', b'{"symbol":"A","days":0}', b"\xff", b"[" * 5000,
     b'{"symbol":"A","interval":"1m","limit":50001}', b'{"symbol":"A","interval":"9m"}', b'{"symbol":"A/../B"}'],
)  # fmt: skip
async def test_reference_refuses_what_is_no_question(
    made: Proxied, connection: Connection, question: bytes
) -> None:
    """Who speaks NATS may say anything: the answer is that it is wrong, and others are answered."""
    message = await connection.request(vendor_subject(What.BARS), question, timeout_s=10.0)
    await connection.publish(vendor_subject(What.BARS), question)
    good = encode_json({"symbol": "AAPL"})
    company = await connection.request(vendor_subject(What.COMPANY), good, timeout_s=10.0)

    assert _decode(message.data).state == "wrong"
    assert _decode(company.data).state == "value"
    assert made.asked("/range/") == []


async def test_key_is_never_told(settings: Settings, connection: Connection) -> None:
    """A vendor that says the key in an error, in a value, in a link or in a picture is not repeated."""
    del connection
    key = MARKED_KEY.encode()
    told: dict[str, Answer] = {
        "ERR": (500, b"your key " + key + b" is wrong"),
        "LIMIT": (401, b'{"error":"Unknown API Key ' + key + b'"}'),
        "TEXT": (200, b'{"results":{"name":"' + key + b'"}}'),
        "LINK": (200, b'{"results":{"name":"x","homepage_url":"https://x.example/?apiKey=' + key + b'"}}'),
        "TYPE": (200, b'{"results":{"name":1,"cik":"' + key + b'"}}'),
        "PIC": (200, b'{"results":{"branding":{"logo_url":"https://elsewhere.example/pic?apiKey=' + key + b'"}}}'),
        "pic": (200, b"\x89PNG\r\n\x1a\n" + key),
    }  # fmt: skip
    rest = Rest(lambda name: told.get(name, (200, b"{}")))
    async with (
        rest.serving() as url,
        asking_at(settings, url) as (program, reference),
        httpx.AsyncClient(base_url=program.page, trust_env=False, timeout=30) as http,
    ):
        bearer = {"Authorization": f"Bearer {program.token()}"}
        for symbol in ("ERR", "LIMIT", "TEXT", "LINK", "TYPE"):
            answer = await http.get(f"v1/company/{symbol}", headers=bearer)
            assert answer.status_code == 502, symbol
            assert MARKED_KEY not in answer.text
            assert MARKED_KEY not in str(answer.headers)
        picture = await http.get("v1/logo/PIC", headers=bearer)
        described = await http.get("v1/company/PIC", headers=bearer)

        assert picture.status_code == 502
        assert MARKED_KEY.encode() not in picture.content
        assert described.json()["logo"] == "/v1/logo/PIC?kind=logo"
        assert "pic" in rest.asked  # at the address that was set, not elsewhere
        said = [str(each) for each in (*reference.records, *program.lifecycle.records)]
    assert not any(MARKED_KEY in each for each in (*said, str(reference.counters)))


@pytest.mark.parametrize(
    "picture",
    [b"<html><script>alert(1)</script>", b"<svg onload='alert(1)'>", b"<svg><script>x</script></svg>", b"%PDF-1.7", b"", b"MZ" * 100,
     b'<!DOCTYPE svg [<!ENTITY x "y">]><svg>&x;</svg>', b"\x89PNG\r\n\x1a\n" + b"x" * (2 << 20), b"<svg><a href='JavaScript:x'/></svg>"],
    ids=lambda picture: picture[:20].decode(errors="replace"),
)  # fmt: skip
async def test_picture_that_is_none_is_not_passed_on(
    settings: Settings, connection: Connection, picture: bytes
) -> None:
    """Pages, programs, pictures that do something, and those that are too large are a failure of the vendor."""
    del connection
    details = b'{"results":{"branding":{"logo_url":"https://x.example/images/pic"}}}'
    rest = Rest(lambda name: (200, {"PIC": details, "pic": picture}.get(name, b"{}")))
    async with (
        rest.serving() as url,
        asking_at(settings, url) as (program, _),
        httpx.AsyncClient(base_url=program.page, trust_env=False, timeout=30) as http,
    ):
        answer = await http.get(
            "v1/logo/PIC", headers={"Authorization": f"Bearer {program.token()}"}
        )

    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"\xff", b"{" * 10_000, b'{"results":null}', ODD % (b"-1", b"1"), ODD % (b"9" * 18, b"1"), ODD % (b"1", b"1e300"),
     ODD % (b"1e400", b"1"), b'{"results":[{"t":1}]}', b'{"results":[],"next_url":"http://["}',
     b'{"results":{"branding":{"logo_url":"http://["}}}'],
    ids=lambda body: body[:40].decode(errors="replace"),
)  # fmt: skip
async def test_vendor_may_say_anything(
    settings: Settings, connection: Connection, body: bytes
) -> None:
    """What is no answer is told as a failure, or as nothing; `reference` goes on."""
    del connection
    rest = Rest(lambda _: (200, body))
    async with (
        rest.serving() as url,
        asking_at(settings, url) as (program, reference),
        httpx.AsyncClient(base_url=program.page, trust_env=False, timeout=30) as http,
    ):
        bearer = {"Authorization": f"Bearer {program.token()}"}
        for what in What:
            answer = await http.get(f"v1/{what}/AAPL", headers=bearer)
            is_company = what is What.COMPANY and answer.status_code == 200
            assert is_company or answer.status_code in (404, 502), (what, answer.text)
        assert not reference.counters, "the program has ended"


def _is_of_people(asked: str) -> bool:
    """Whether a request to the vendor is none of those by which `reference` loads a day."""
    bulk = ("/grouped/", "/v3/reference/tickers?", "/stocks/vX/float", "/ratios", "gte=")
    return not any(each in asked for each in bulk)


async def _raw(program: Running, path: str) -> tuple[int, str, str]:
    """Status, head and body of the answer on *path*, which no library has tidied."""
    reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
    writer.write(
        f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {program.token()}\r\n\r\n".encode()
    )
    head, _, body = (await reader.read()).decode(errors="replace").partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split(" ", 2)[1]), head, body
