"""The door to the vendor's REST API: within a budget, never two failures in a row without a pause.

Calls run in threads, through the connection pool of the vendor's own client, which also sends the
key. They are not repeated here: whoever asked knows whether it still wants to know. No error holds
the key, whatever the vendor says.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from secrets import SystemRandom
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from massive import RESTClient
from urllib3.exceptions import HTTPError, ReadTimeoutError

from mesh import clock
from mesh.backoff import delays_s
from mesh.errors import MeshError
from mesh.settings import Settings
from schemas.wire import DecodeError, Decoder
from services.reference.budget import Asker, Budget


T = TypeVar("T")

_CONNECT_S = 5.0
_READ_S: dict[Asker, float] = {"loading": 10.0, "people": 8.0}
"""With the time to connect it is less than a program has for its end: a call that hangs cannot be cut short."""
_LONGEST_PAUSE_S: dict[Asker, float] = {"loading": 60.0, "people": 5.0}
_CONNECTIONS = 8
_MOST_PAGES = 500
_MOST_BYTES = 64 << 20
_LEAST_SECRET = 6
"""Shorter keys are words: that of the simulator's may be."""


class UnavailableError(MeshError):
    """The vendor did not give what was asked for; it may later."""


class SilentError(UnavailableError):
    """The vendor gives nothing to anybody: it is not there, or the calls are used up."""


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
    """The vendor, asked politely.

    Args:
        settings: where it is, and the key.
        budget: the calls that may be made, shared with others.
        who: on whose behalf. What a program loads by itself waits until a pause is over; people are told at once.
    """

    def __init__(self, settings: Settings, budget: Budget, who: Asker = "loading") -> None:
        self.calls = 0
        self.failures = 0
        self._base = settings.rest_url
        self._key = settings.api_key
        self._pool = RESTClient(
            api_key=settings.api_key,
            base=settings.rest_url,
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S[who],
            maxsize=_CONNECTIONS,
        ).client
        self._threads = ThreadPoolExecutor(_CONNECTIONS, f"vendor-{who}")
        self._budget = budget
        self._who = who
        self._line = asyncio.Lock()
        self._pauses = self._new_pauses()
        self._paused_until_s = 0.0
        self._last_failure = ""

    async def one(self, path: str, decoder: Decoder[T], **query: str) -> T | None:
        """The answer to one question; None if the vendor knows of no such thing.

        Raises:
            UnavailableError: no answer, or one that is not what was asked for.
            RefusedError: the plan does not include it.
        """
        return await self._asked(path, decoder.decode, query)

    async def picture(self, address: str, most_bytes: int) -> bytes | None:
        """What lies at *address*, of which only the path counts; None if nothing does.

        Raises:
            UnavailableError: no answer, or one of more than *most_bytes*.
            RefusedError: the plan does not include it.
        """
        path = _place(address).partition("?")[0]
        return await self._asked(path, bytes, {}, most_bytes)

    async def pages(
        self, path: str, decoder: Decoder[PageT], **query: str
    ) -> AsyncGenerator[PageT, None]:
        """A list, page by page.

        Raises:
            UnavailableError: no answer, or one that is not what was asked for.
            RefusedError: the plan does not include it.
        """
        for _ in range(_MOST_PAGES):
            found = await self._asked(path, decoder.decode, query)
            if found is None:
                return
            yield found
            if not found.next_url:
                return
            path, query = _place(found.next_url), {}
        raise UnavailableError(f"{path.partition('?')[0]} has no end")

    def without_key(self, text: str) -> str:
        """*text*, if need be without the key."""
        return text.replace(self._key, "(key)") if len(self._key) >= _LEAST_SECRET else text

    def is_key_in(self, content: bytes) -> bool:
        """Whether *content* gives the key away."""
        return len(self._key) >= _LEAST_SECRET and self._key.encode() in content

    async def _asked(
        self,
        path: str,
        read: Callable[[bytes], T],
        query: dict[str, str],
        most_bytes: int = _MOST_BYTES,
    ) -> T | None:
        await self._turn()
        await self._rest()
        self.calls += 1
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._ask, path, read, query, most_bytes
            )
        except UnavailableError as error:
            self.failures += 1
            if self._who == "loading" or isinstance(error, SilentError):
                self._paused_until_s = clock.monotonic_s() + next(self._pauses)
                self._last_failure = str(error)
            raise
        self._pauses = self._new_pauses()
        return found

    async def _turn(self) -> None:
        async with self._line:
            try:
                while wait_s := self._budget.take(self._who, clock.monotonic_s()):  # noqa: ASYNC110 (time is waited for)
                    await asyncio.sleep(wait_s)
            finally:
                self._budget.leave(self._who)

    async def _rest(self) -> None:
        left_s = self._paused_until_s - clock.monotonic_s()
        if left_s > 0 and self._who == "people":
            raise SilentError(f"{self._last_failure} (asked again in {left_s:.0f} s)")
        await asyncio.sleep(max(0.0, left_s))

    def _ask(
        self, path: str, read: Callable[[bytes], T], query: dict[str, str], most_bytes: int
    ) -> T | None:
        name = path.partition("?")[0]
        try:
            answer = self._pool.request(
                "GET", self._base + path, fields=query or None, retries=False, preload_content=False
            )
            content: bytes = answer.read(most_bytes + 1)
            if len(content) > most_bytes:
                answer.close()
                raise UnavailableError(f"{name}: more than {most_bytes} bytes")
            answer.release_conn()
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            if answer.status == HTTPStatus.FORBIDDEN:
                raise RefusedError(f"{name}: the plan does not include it")
            if answer.status != HTTPStatus.OK:
                text = self.without_key(content[:200].decode(errors="replace"))
                kind = SilentError if answer.status == HTTPStatus.TOO_MANY_REQUESTS else UnavailableError  # fmt: skip
                raise kind(f"{name}: {answer.status} {text}")
            return read(content)
        except DecodeError as error:
            raise UnavailableError(self.without_key(f"{name}: {error}")) from error
        except ReadTimeoutError as error:  # of a long question; a short one may well be answered
            raise UnavailableError(self.without_key(f"{name}: {error}")) from error
        except HTTPError as error:
            raise SilentError(self.without_key(f"{name}: {error}")) from error

    def _new_pauses(self) -> Iterator[float]:
        return delays_s(1.0, _LONGEST_PAUSE_S[self._who], SystemRandom().random)


def _place(address: str) -> str:
    """Where *address* is at the vendor's: the key goes to nobody but the host that was set, whatever an answer says.

    Raises:
        UnavailableError: it is no address.
    """
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UnavailableError(f"the vendor named an address that is none: {error}") from error
    if not parts.path.startswith("/"):
        raise UnavailableError("the vendor named an address without a path")
    return f"{parts.path}?{parts.query}"
