"""The keys of a provider: fetched when they are needed, and again when a token names one that is not among them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet


KEPT_S = 600
"""After this the set is fetched anew, so that a key that the provider gave up is not believed for longer."""
AGAIN_S = 10
"""Between two fetches for keys that are not known: whoever makes up names of keys must not make us ask for each."""

Fetch = Callable[[], Awaitable[list[dict[str, Any]]]]


class Keys:
    """The keys of one provider."""

    def __init__(self, fetch: Fetch) -> None:
        """Get them with *fetch*, which raises what its caller must tell."""
        self._fetch = fetch
        self._one = asyncio.Lock()
        self._keys = KeySet([])
        self._fetched_s: float | None = None
        self._missed_s: float | None = None

    async def known(self, now_s: float) -> KeySet:
        """All of them, fetched if that is long ago; *now_s* are monotonic seconds."""
        async with self._one:
            if self._fetched_s is None or now_s - self._fetched_s >= KEPT_S:
                await self._renew(now_s)
            return self._keys

    async def renewed(self, now_s: float) -> KeySet:
        """All of them, for a token with a key that is not known; fetched, unless that was done a moment ago."""
        async with self._one:  # who comes second finds what the first one fetched
            if self._missed_s is None or now_s - self._missed_s >= AGAIN_S:
                self._missed_s = now_s
                await self._renew(now_s)
            return self._keys

    async def _renew(self, now_s: float) -> None:
        self._keys = KeySet(_usable(await self._fetch()))
        self._fetched_s = now_s


def _usable(described: list[dict[str, Any]]) -> list[Key]:
    """Keys for signatures, of a kind that is known here; a set may hold others."""
    keys = []
    for each in described:
        if each.get("use", "sig") == "sig" and each.get("kty") != "oct":
            with suppress(JoseError, ValueError, TypeError):  # one broken key must not lock all out
                keys.append(JWKRegistry.import_key(each))
    return keys
