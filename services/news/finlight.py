"""The vendor Finlight's WebSocket, through its own client, supervised from outside.

What its client does and we do not want: it keeps only one version of the last ten links, so it drops
revisions; it validates articles and throws away what it does not know; it swallows what callbacks,
handshakes and broken frames raise; it reconnects by rules of its own and cannot be ended between two
attempts. So each attempt is a new client that may not reconnect; articles are taken as they came; and
what it swallows is overheard where it logs it.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Any

import msgspec
from finlight_client.models import (
    ApiConfig,
    GetArticlesWebSocketParams,
    GetRawArticlesWebSocketParams,
)
from finlight_client.raw_websocket_client import RawWebSocketClient
from finlight_client.websocket_client import WebSocketClient
from pydantic import RootModel
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from mesh import clock
from mesh.logs import Log
from mesh.settings import Settings
from schemas.news import parse_filters
from services.news.reconnect import Ending


_RAW_FILTERS = ("query", "sources", "exclude_sources", "language")
_FIELDS = {"exclude_sources": "excludeSources", "opt_in_sources": "optInSources"}

Take = Callable[[bytes], None]
"""Takes an article as JSON."""


class _AsItCame(RootModel[Any]):
    """An article that nobody has looked into."""


class _Watched:
    """Notes the connection of a client, and how it ended; articles are not validated, and none is left out."""

    _dedupe_articles = False
    _article_model = _AsItCame
    _log_prefix = ""
    socket: ClientConnection | None = None
    close_code: int | None = None

    async def _listen(self, ws: ClientConnection, on_article: Callable[[_AsItCame], None]) -> None:
        self.socket = ws
        try:
            await super()._listen(ws, on_article)  # type: ignore[misc]  # of the vendor's class
        finally:
            sent = ws.protocol.close_sent  # by us: too large, or no pong
            lost = ws.protocol.close_rcvd is None and sent is not None
            self.close_code = sent.code if lost and sent is not None else ws.close_code


class _Enhanced(_Watched, WebSocketClient):  # type: ignore[misc]  # ships no types
    pass


class _Raw(_Watched, RawWebSocketClient):  # type: ignore[misc]  # ships no types
    pass


class _Overheard(logging.Handler):
    """Notes what a client swallows: while it logs an exception, that is still the current one."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self.status: int | None = None
        """Of a refused handshake."""
        self.errors = 0
        """Messages that the client, or what it called, could not handle."""
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Take note of what was logged."""
        error = sys.exc_info()[1]
        if isinstance(error, InvalidStatus):
            self.status = error.response.status_code
        elif error is not None and not isinstance(error, OSError):
            self.errors += 1
        self._log.debug("finlight.said", text=record.getMessage(), error=repr(error))


class Attempt:
    """One connection to the vendor, from its handshake to its end.

    Args:
        settings: where, with which key, and what is wanted.
        take: called with each article as it comes; it must only take note.
    """

    def __init__(self, settings: Settings, take: Take, log: Log) -> None:
        self.unreadable = 0
        """Articles that cannot be text, and messages that could not be handled."""
        self._raw = settings.finlight_mode == "raw"
        config = ApiConfig(api_key=settings.finlight_key, wss_url=settings.finlight_url)
        kind = _Raw if self._raw else _Enhanced
        # A process has one such connection; whoever has just taken over must not wait for the one before.
        self._client = kind(config, takeover=True, pong_timeout=60)
        self._wanted = parse_filters(settings.finlight_filters)
        self._overheard = _Overheard(log)
        self._take = take

    @property
    def is_admitted(self) -> bool:
        """Whether the vendor has let this connection in."""
        return self._client.lease_id is not None and self._client.close_code is None

    async def run(self) -> Ending:
        """Listen until the connection ends, or the caller cancels; how it ended."""
        logger = logging.getLogger(self._client._logger_name)  # noqa: SLF001 (there is no other way)
        logger.addHandler(self._overheard)
        logger.propagate = False
        began_s = clock.monotonic_s()
        try:
            await self._listen()
        finally:
            logger.removeHandler(self._overheard)
            self.unreadable += self._overheard.errors
        client = self._client
        asked_s = None if client.reconnect_at is None else client.reconnect_at - clock.now_ms() / 1000  # fmt: skip
        connected_s = clock.monotonic_s() - began_s if client.socket is not None else 0.0
        return Ending(client.close_code, self._overheard.status, asked_s, connected_s)

    async def _listen(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._client.connect(self._request(), self._on_article))
            await asyncio.sleep(0)
            self._client.stop()  # after this connection: it is looked at between two of them alone
            try:
                await asyncio.shield(listening)
            except asyncio.CancelledError:
                await self._end(listening)
                raise

    async def _end(self, listening: asyncio.Task[None]) -> None:
        """Close the connection, so that the client ends its own tasks; it leaves them behind if it is cancelled."""
        if self._client.socket is None:
            listening.cancel()
        else:
            await self._client.socket.close()
            await asyncio.wait({listening})

    def _request(self) -> Any:
        wanted = {
            _FIELDS.get(name, name): value
            for name, value in msgspec.structs.asdict(self._wanted).items()
            if value is not None and (not self._raw or name in _RAW_FILTERS)
        }
        if self._raw:
            return GetRawArticlesWebSocketParams(includeUpdates=True, **wanted)
        return GetArticlesWebSocketParams(includeEntities=True, includeUpdates=True, **wanted)

    def _on_article(self, article: _AsItCame) -> None:
        try:
            payload = msgspec.json.encode(article.root)
        except UnicodeEncodeError:  # half a character: it could not be shown to anybody
            self.unreadable += 1
            return
        self._take(payload)
