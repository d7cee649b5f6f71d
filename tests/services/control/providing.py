"""A real OpenID Connect provider as a process: its users, its clock, its keys, and what it can be made to sign.

On 127.0.0.2, because the program under test is on 127.0.0.1: to a browser those are two sites, as a
company's provider and its desk are.
"""

import atexit
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
    """A provider, for one test at a time."""

    def __init__(self) -> None:
        if not (HERE / "node_modules").is_dir():
            raise AssertionError("the provider is not installed: `make test` does that")
        self.process = subprocess.Popen(  # noqa: S603 (our own script)
            [node(), "server.mjs", "127.0.0.2"], cwd=HERE,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.issuer: str = self._line()

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish that one only."""
        self.command("rotate")

    def skew(self, seconds: float) -> None:
        """Let its clock be so many seconds ahead."""
        self.command("skew", seconds=seconds)

    def forge(self, algorithm: str | None = None, **claims: Any) -> None:
        """Sign id tokens with other claims, or by another algorithm."""
        self.command("forge", claims=claims, alg=algorithm)

    def kill(self) -> None:
        """Be gone."""
        self.process.kill()
        self.process.communicate()

    def command(self, name: str, **what: Any) -> None:
        """Have something done, and wait until it is."""
        assert self.process.stdin is not None
        self.process.stdin.write(encode_json({"name": name, **what}) + b"\n")
        self.process.stdin.flush()
        assert self._line() is None

    def _line(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the provider has ended"
        return msgspec.json.decode(line)


_idle: list[RunningProvider] = []
"""To start one takes seconds of a processor, so those that a test has left whole are kept for the next."""


@atexit.register
def _end() -> None:
    for provider in _idle:
        provider.kill()


@contextmanager
def running_provider(
    *back: str,
    goodbye: str = "",
    in_id_token: bool = False,
    signs: str = "RS256",
    public: bool = False,
) -> Iterator[RunningProvider]:
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
    provider = _idle.pop() if _idle else RunningProvider()
    try:
        provider.command("reset", client=client, users=USERS, inIdToken=in_id_token, signs=signs)
        yield provider
    finally:
        if provider.process.poll() is None:
            _idle.append(provider)
