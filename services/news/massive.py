"""Massive's news over REST, asked for at an interval: there is no socket for it.

Each question is for what was published since a minute before the newest article that is known, as
articles appear out of order; what comes again is left out here. Where the market is, only the vendor
knows (a simulated one is years off), so the first question is for the newest articles alone.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from http import HTTPStatus
from secrets import SystemRandom

from massive import RESTClient
from urllib3.exceptions import HTTPError

from mesh.backoff import delays_s
from mesh.errors import MeshError
from mesh.logs import Log
from mesh.settings import Settings
from schemas.wire import DecodeError, json_decoder
from services.news.massive_form import Answer, Stamp


PATH = "/v2/reference/news"
_FIRST, _MOST = "100", "1000"
_OVERLAP = timedelta(seconds=60)
_REFUSED_S = 900.0
"""A plan without news, or a wrong key, may be mended while we run."""
_LONGEST_S = 60.0
_CONNECT_S, _READ_S = 5.0, 10.0
_MOST_KNOWN = 5000

_decode = json_decoder(Answer).decode
_decode_stamp = json_decoder(Stamp).decode

Take = Callable[[bytes], None]
"""Takes an article as JSON."""


class _UnavailableError(MeshError):
    """No answer, or none that can be read."""


class _RefusedError(MeshError):
    """The vendor does not give this to this key."""


class Poll:
    """Asks Massive for articles, and hands each version of one to *take*, once."""

    def __init__(self, settings: Settings, take: Take, log: Log) -> None:
        self.calls = 0
        self.failures = 0
        self._every_s = float(settings.massive_news_s)
        self._base = settings.rest_url
        self._pool = RESTClient(
            api_key=settings.api_key,
            base=settings.rest_url,
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
        ).client
        self._take = take
        self._log = log
        self._newest: datetime | None = None
        self._known: dict[bytes, None] = {}
        """Digests of articles that were taken, oldest first."""

    async def run(self) -> None:
        """Ask, for ever."""
        waits = _waits()
        while True:
            try:
                await self.ask()
            except _RefusedError as error:
                self._log.warning("massive_news.refused", reason=str(error), again_s=_REFUSED_S)
                await asyncio.sleep(_REFUSED_S)
            except _UnavailableError as error:
                self.failures += 1
                self._log.warning("massive_news.unavailable", reason=str(error))
                await asyncio.sleep(next(waits))
            else:
                waits = _waits()
                await asyncio.sleep(self._every_s)

    async def ask(self) -> None:
        """Ask once.

        Raises:
            MeshError: no answer that could be read; what was known stays.
        """
        query = {"order": "desc", "sort": "published_utc", "limit": _FIRST}
        if self._newest is not None:
            since = (self._newest - _OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
            query |= {"limit": _MOST, "published_utc.gte": since}
        self.calls += 1
        answer = await asyncio.to_thread(self._fetch, query)
        for article in reversed(answer.results):
            self._on_article(bytes(article))

    def _on_article(self, article: bytes) -> None:
        digest = blake2b(article, digest_size=16).digest()
        if digest in self._known:
            return
        self._known[digest] = None
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        try:
            published = _decode_stamp(article).published_utc
        except DecodeError:
            published = None  # whoever reads the rest of it says what is wrong
        if published is not None and published.tzinfo is not None:
            self._newest = max(published, self._newest or published)
        self._take(article)

    def _fetch(self, query: dict[str, str]) -> Answer:
        try:
            answer = self._pool.request("GET", self._base + PATH, fields=query, retries=False)
            if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise _RefusedError(f"{PATH}: {answer.status}: the key or the plan has no news")
            if answer.status != HTTPStatus.OK:
                text = answer.data[:200].decode(errors="replace")
                raise _UnavailableError(f"{PATH}: {answer.status} {text}")
            return _decode(answer.data)
        except (HTTPError, DecodeError) as error:
            raise _UnavailableError(f"{PATH}: {error}") from error


def _waits() -> Iterator[float]:
    return delays_s(2.0, _LONGEST_S, SystemRandom().random)
