"""The lists of KV `news`, kept by one process at a time from stream `NEWS`.

What is put says up to which message it goes, so a successor goes on from there; twice the same
message changes nothing. A former one that wakes up is refused at its next put of `latest`, which comes
after all others: the lists that it has put before then are of messages that its successor takes too.
"""

import asyncio

from mesh.connection import Connection
from mesh.errors import BrokerError, FencedError
from mesh.kv import Entry, KeyValue
from mesh.logs import Log
from mesh.stream import follow
from schemas.naming import LATEST_KEY, NEWS_OF_ALL, NEWS_STREAM, Bucket
from schemas.news import Article, Latest, OfSymbol, Page
from schemas.wire import DecodeError, encode_json, json_decoder
from services.news.pages import Lists


_TOGETHER_S = 2.0
"""How long articles are collected before lists are put: each is put whole, and what is live comes from the stream."""
_RETRY_S = 0.5
_AT_ONCE = 16

_decode_latest = json_decoder(Latest).decode
_decode_page = json_decoder(Page).decode
_decode_symbol = json_decoder(OfSymbol).decode
_decode_article = json_decoder(Article).decode


class Shelf:
    """The keeper of the lists. `open` takes over from a predecessor."""

    def __init__(self, connection: Connection, log: Log) -> None:
        self.rejected = 0
        """Messages that are no articles."""
        self._connection = connection
        self._values = KeyValue(connection, Bucket.NEWS)
        self._log = log
        self._lists = Lists(None, (), ())
        self._revision = 0

    async def open(self) -> None:
        """Begin with what is there.

        Raises:
            BrokerError: the bucket does not answer.
        """
        latest: Latest | None = None
        pages, symbols = [], []
        entries = await self._values.all()
        for entry in sorted(entries, key=lambda each: each.revision):
            try:
                if entry.key == LATEST_KEY:
                    latest = _decode_latest(entry.value or b"")
                    self._revision = entry.revision
                elif entry.key.startswith(f"{LATEST_KEY}."):
                    pages.append(_decode_page(entry.value or b""))
                else:
                    symbols.append(_decode_symbol(entry.value or b""))
            except DecodeError as error:
                self._say_unreadable(entry, error)
        self._lists = Lists(latest, pages, symbols)

    async def run(self) -> None:
        """Keep the lists, until the caller cancels.

        Raises:
            FencedError: another process keeps them.
        """
        after = self._lists.sequence
        news = follow(self._connection, NEWS_STREAM, NEWS_OF_ALL, after, _TOGETHER_S)
        async for stored in news:
            for each in stored:
                try:
                    self._lists.take(each.sequence, _decode_article(each.payload))
                except DecodeError:
                    self.rejected += 1  # somebody else's
            if stored:
                await self._put()

    async def _put(self) -> None:
        """Put what has changed; while the broker is away, again and again."""
        *others, (key, latest) = self._lists.changes()
        while True:
            try:
                for begin in range(0, len(others), _AT_ONCE):
                    await asyncio.gather(*(
                        self._values.put(name, encode_json(value))
                        for name, value in others[begin : begin + _AT_ONCE]
                    ))  # fmt: skip
                self._revision = await self._values.put_if(key, encode_json(latest), self._revision)
            except FencedError:
                raise
            except BrokerError as error:
                self._log.warning("lists.delayed", reason=str(error))
                await asyncio.sleep(_RETRY_S)
            else:
                return

    def _say_unreadable(self, entry: Entry, error: DecodeError) -> None:
        self._log.warning("list.unreadable", key=entry.key, reason=str(error))
