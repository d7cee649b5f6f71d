"""A provider that is broken, slow or hostile: nobody comes in, and what is wrong is said in words."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.errors import ProviderError
from mesh.settings import Settings
from schemas.wire import encode_json
from services.control import oidc_pending
from services.control.oidc_asking import MAX_BYTES
from services.control.oidc_provider import WELL_KNOWN, open_provider
from tests.services.control.providing import running_provider


BACK = "http://127.0.0.1:1/sign-in/oidc/callback"


@asynccontextmanager
async def answering(status: int, content: bytes, issuer: str = "{issuer}") -> AsyncIterator[str]:
    """The issuer of a server that answers everything so, with its own name for `{issuer}`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        assert WELL_KNOWN.encode() in line
        body = content.replace(b"{issuer}", own.encode())
        head = f"HTTP/1.1 {status} X\r\nLocation: {own}/elsewhere\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    own = issuer.format(issuer=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield own


def described(**changes: object) -> bytes:
    """A discovery document."""
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    return encode_json({"issuer": "{issuer}", **dict.fromkeys(names, "{issuer}/x"), **changes})


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        (500, b"", "answered 500"),
        (404, b"{}", "answered 404"),
        (302, b"", "answered 302"),
        (200, b"", "not as it must be"),
        (200, b"<html>", "not as it must be"),
        (200, b"\xff", "not as it must be"),
        (200, b"[" * 100_000, "not as it must be"),
        (200, b"{}", "missing required field `issuer`"),
        (200, described(jwks_uri=None), "jwks_uri"),
        (200, described(jwks_uri="http://login.example.com/keys"), "not safe to use"),
        (200, described(end_session_endpoint="javascript:alert(1)"), "not safe to use"),
        (200, described(userinfo_endpoint="https://"), "not safe to use"),
        (200, described(issuer="https://login.example.com"), "calls itself"),
        (200, b" " * (MAX_BYTES + 1), "has no end"),
    ],
    ids=range(14),
)
async def test_document_that_makes_no_sense_is_refused(
    status: int, content: bytes, why: str
) -> None:
    """Whatever a server answers, somebody reads what is wrong with it, and is sent nowhere."""
    async with (
        answering(status, content) as issuer,
        open_provider(Settings(oidc_issuer=issuer), BACK) as provider,
    ):
        with pytest.raises(ProviderError, match=why):
            await provider.address(oidc_pending.begun("/"))


async def test_address_with_parameters_keeps_them() -> None:
    """A provider may tell its clients apart by a parameter of its own."""
    content = described(authorization_endpoint="{issuer}/authorize?tenant=7")
    async with (
        answering(200, content) as issuer,
        open_provider(Settings(oidc_issuer=issuer), BACK) as provider,
    ):
        address = await provider.address(oidc_pending.begun("/"))

    assert address.startswith(f"{issuer}/authorize?tenant=7&response_type=code&")


@pytest.mark.slow
async def test_provider_that_hangs_is_said_to_be_away() -> None:
    """A provider that takes a question and never answers does not keep a person waiting for ever."""
    with running_provider(BACK) as running:
        running.process.send_signal(signal.SIGSTOP)
        async with open_provider(Settings(oidc_issuer=running.issuer), BACK) as provider:
            with pytest.raises(ProviderError, match=r"does not answer .*Timeout"):
                await provider.address(oidc_pending.begun("/"))
        running.kill()
