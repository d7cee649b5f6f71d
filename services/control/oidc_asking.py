"""Asking a provider over HTTP: in bounded time, for a bounded answer, and never somewhere else."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx

from mesh.errors import ProviderError
from schemas.wire import DecodeError, Decoder


OK = 200
WITHIN_S = 5.0
"""A provider that answers later is away: a person waits."""
MAX_BYTES = 256 * 1024
"""Of an answer; a set of keys or a token with many groups is some KB."""

_T = TypeVar("_T")


class Asking:
    """One provider, over a client that follows no redirects."""

    def __init__(self, issuer: str, http: httpx.AsyncClient) -> None:
        self._issuer = issuer
        self._http = http

    async def get(self, address: str, headers: Mapping[str, str] | None = None) -> bytes:
        """What is at *address*. Raises ProviderError."""
        status, content = await self.ask("GET", address, headers=headers)
        if status != OK:
            raise ProviderError(f"the provider {self._issuer} answered {status} at {address}")
        return content

    async def ask(self, method: str, address: str, **more: Any) -> tuple[int, bytes]:
        """The status and the content of the answer. Raises ProviderError."""
        content = bytearray()
        try:
            async with (
                asyncio.timeout(WITHIN_S),
                self._http.stream(method, address, **more) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_BYTES:
                        raise ProviderError(f"the provider's answer at {address} has no end")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ProviderError(
                f"the provider {self._issuer} does not answer ({type(error).__name__}): try again in a moment"
            ) from error
        return answer.status_code, bytes(content)


def read(decoder: Decoder[_T], content: bytes) -> _T:
    """An answer, if it is what was asked for. Raises ProviderError."""
    try:
        return decoder.decode(content)
    except DecodeError as error:  # names a field and a kind, never a value
        raise ProviderError(f"the provider's answer is not as it must be: {error}") from None
