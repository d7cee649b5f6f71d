"""The door to the vendor's REST API: within a budget, never two failures in a row without a pause.

Calls run in threads, through the connection pool of the vendor's own client, which also sends the
key. They are not repeated here: whoever asked knows whether it still wants to know.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from secrets import SystemRandom
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from massive import RESTClient
from urllib3.exceptions import HTTPError

from mesh import clock
from mesh.backoff import delays_s
from mesh.errors import MeshError
from mesh.settings import Settings
from schemas.wire import DecodeError, Decoder
from services.reference.budget import Budget


T = TypeVar("T")

_CONNECT_S = 5.0
_READ_S = 10.0
"""Both together are less than a program has for its end: a call that hangs cannot be cut short."""
_CONNECTIONS = 8
_MOST_PAGES = 500
_LONGEST_PAUSE_S = 60.0


class UnavailableError(MeshError):
    """The vendor did not give what was asked for; it may later."""


class RefusedError(MeshError):
    """The vendor does not give this to this key, today or later."""


class Page(Protocol):
    """A part of a list."""

    @property
    def next_url(self) -> str | None:
        """Where the next part is; None behind the last one."""
        ...


PageT = TypeVar("PageT", bound=Page)


class Vendor:
    """The vendor, asked politely."""

    def __init__(self, settings: Settings) -> None:
        self.calls = 0
        self.failures = 0
        self._base = settings.rest_url
        self._pool = RESTClient(
            api_key=settings.api_key,
            base=settings.rest_url,
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            maxsize=_CONNECTIONS,
        ).client
        self._budget = Budget(settings.reference_calls, clock.monotonic_s())
        self._pauses = _pauses()
        self._paused_until_s = 0.0

    async def one(self, path: str, decoder: Decoder[T], **query: str) -> T | None:
        """The answer to one question; None if the vendor knows of no such thing.

        Raises:
            UnavailableError: no answer, or one that is not what was asked for.
            RefusedError: the plan does not include it.
        """
        return await self._asked(path, decoder, query)

    async def pages(self, path: str, decoder: Decoder[PageT], **query: str) -> AsyncIterator[PageT]:
        """A list, page by page.

        Raises:
            UnavailableError: no answer, or one that is not what was asked for.
            RefusedError: the plan does not include it.
        """
        for _ in range(_MOST_PAGES):
            found = await self._asked(path, decoder, query)
            if found is None:
                return
            yield found
            if not found.next_url:
                return
            # The key goes to nobody but the address that was set, whatever the answer says.
            parts = urlsplit(found.next_url)
            path, query = f"{parts.path}?{parts.query}", {}
        raise UnavailableError(f"{path} has no end")

    async def _asked(self, path: str, decoder: Decoder[T], query: dict[str, str]) -> T | None:
        await asyncio.sleep(self._budget.take(clock.monotonic_s()))
        await asyncio.sleep(max(0.0, self._paused_until_s - clock.monotonic_s()))
        self.calls += 1
        try:
            found = await asyncio.to_thread(self._ask, path, decoder, query)
        except UnavailableError:
            self.failures += 1
            self._paused_until_s = clock.monotonic_s() + next(self._pauses)
            raise
        self._pauses = _pauses()
        return found

    def _ask(self, path: str, decoder: Decoder[T], query: dict[str, str]) -> T | None:
        name = path.partition("?")[0]
        try:
            answer = self._pool.request(
                "GET", self._base + path, fields=query or None, retries=False
            )
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            if answer.status == HTTPStatus.FORBIDDEN:
                raise RefusedError(f"{name}: the plan does not include it")
            if answer.status != HTTPStatus.OK:
                text = answer.data[:200].decode(errors="replace")
                raise UnavailableError(f"{name}: {answer.status} {text}")
            return decoder.decode(answer.data)
        except (HTTPError, DecodeError) as error:
            raise UnavailableError(f"{name}: {error}") from error


def _pauses() -> Iterator[float]:
    return delays_s(1.0, _LONGEST_PAUSE_S, SystemRandom().random)
