"""A real OpenID Connect provider as a process: its users, its clock, its keys, and what it can be made to sign.

On 127.0.0.2, because the program under test is on 127.0.0.1: to a browser those are two sites, as a
company's provider and its desk are.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from schemas.wire import encode_json
from services.widgets.web.build import node


HERE = Path(__file__).parent / "provider"
CLIENT = "tickmesh"
SECRET = "of a client: + % & are in it"  # noqa: S105 (known to everybody who runs the tests)
USERS: dict[str, dict[str, Any]] = {
    "alice": {"preferred_username": "alice", "name": "Alice", "groups": ["desk", "heads"]},
    "bob": {"preferred_username": "bob", "name": "Bob", "groups": ["desk"]},
    "carol": {"preferred_username": "carol", "name": "Carol", "groups": []},
    "nameless": {"groups": ["desk"]},
}
"""Who can sign in, with any password."""


class RunningProvider:
    """A provider of a test's own."""

    def __init__(self, process: asyncio.subprocess.Process, issuer: str) -> None:
        self.process = process
        self.issuer = issuer

    async def rotate(self) -> None:
        """Sign with a new key from now on, and publish that one only."""
        await self._command("rotate")

    async def skew(self, seconds: float) -> None:
        """Let its clock be so many seconds ahead."""
        await self._command("skew", seconds=seconds)

    async def forge(self, algorithm: str | None = None, **claims: Any) -> None:
        """Sign id tokens with other claims, or by another algorithm."""
        await self._command("forge", claims=claims, alg=algorithm)

    async def kill(self) -> None:
        """Be gone."""
        self.process.kill()
        await self.process.wait()

    async def _command(self, name: str, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode_json({"name": name, **what}) + b"\n")
        assert await _line(self.process) is None


@asynccontextmanager
async def running_provider(
    *back: str,
    goodbye: str = "",
    in_id_token: bool = False,
    signs: str = "RS256",
    public: bool = False,
) -> AsyncIterator[RunningProvider]:
    """A provider that sends people *back* to these addresses, and to *goodbye* after they have signed out.

    Args:
        back: addresses of ours.
        goodbye: likewise.
        in_id_token: whether the id token holds all claims, and not the user info alone.
        signs: the algorithm of its id tokens.
        public: whether the client has no secret.
    """
    client = {
        "client_id": CLIENT,
        "redirect_uris": back,
        "post_logout_redirect_uris": [goodbye] if goodbye else [],
        **({"token_endpoint_auth_method": "none"} if public else {"client_secret": SECRET}),
    }
    told = {"host": "127.0.0.2", "client": client, "users": USERS, "inIdToken": in_id_token, "signs": signs}  # fmt: skip
    if not (HERE / "node_modules").is_dir():
        raise AssertionError("the provider is not installed: `make test` does that")
    process = await asyncio.create_subprocess_exec(
        node(), "server.mjs", encode_json(told).decode(), cwd=HERE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield RunningProvider(process, await _line(process))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "the provider has ended"
    return msgspec.json.decode(line)
