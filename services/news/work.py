"""From the tape to whoever reads: each article in our shape, once for each of its versions.

Any number of processes share the work. What is known of an article lies in KV `articles` and is
changed by compare-and-set alone: that decides what is new, and numbers the versions. Then the version
is published, under an id that follows from article and number; then its message is acknowledged. A
message that comes again, because somebody died in between, has what KV holds published once more: if
that was done, the stream knows the id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from mesh.connection import Connection
from mesh.consumer import Consumer, Taken
from mesh.errors import BrokerError, FencedError
from mesh.kv import RECEIVED_MS, KeyValue
from mesh.logs import Log
from schemas.naming import (
    NEWS_OF_ALL,
    NEWS_TAPE_STREAM,
    Bucket,
    news_subject,
    parse_news_tape_subject,
)
from schemas.news import Article
from schemas.wire import DecodeError, encode_json, json_decoder
from services.news import finlight_form, massive_form
from services.news.draft import Draft, article_of
from services.news.revisions import Verdict, judge
from services.news.tickers import Listed


CONSUMER = "news"
MESSAGE_ID = "Nats-Msg-Id"
_TOGETHER = 8
"""Articles that a process works on at a time: most of the time it waits for the broker."""
_RETRY_S = 0.5
_MOST_DELIVERIES = 5

READERS: dict[str, Callable[[bytes, int], Draft]] = {
    finlight_form.VENDOR: finlight_form.read,
    massive_form.VENDOR: massive_form.read,
}
"""What reads a vendor's articles."""

_decode_article = json_decoder(Article).decode


class Work:
    """The part of this process in the work."""

    def __init__(self, connection: Connection, listed: Listed, log: Log) -> None:
        self.done: Counter[Verdict] = Counter()
        self.rejected = 0
        """Messages of the tape that are no articles."""
        self._connection = connection
        self._consumer = Consumer(connection, NEWS_TAPE_STREAM, CONSUMER, _TOGETHER)
        self._known = KeyValue(connection, Bucket.ARTICLES)
        self._listed = listed
        self._log = log

    async def run(self) -> None:
        """Work, until the caller cancels.

        Raises:
            BrokerError: the consumer could not be made.
        """
        await self._consumer.ensure()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._consumer.run())
            for _ in range(_TOGETHER):
                tasks.create_task(self._one_by_one())

    async def _one_by_one(self) -> None:
        while True:
            await self._deal_with(await self._consumer.get())

    async def _deal_with(self, taken: Taken) -> None:
        try:
            article = self._read(taken)
            verdict = await self._publish(article, again=taken.deliveries > 1)
        except (DecodeError, ValueError) as error:
            self.rejected += 1
            self._log.warning(
                "article.rejected", subject=taken.subject, sequence=taken.sequence, reason=str(error)[:200]
            )  # fmt: skip
            await self._consumer.refuse(taken)
        except BrokerError as error:
            self._log.warning("article.delayed", sequence=taken.sequence, reason=str(error))
            await self._consumer.retry(taken, _RETRY_S * taken.deliveries)
        except Exception:  # noqa: BLE001 (a mistake of ours with one article must not end all news)
            self._log.exception("article.failed", sequence=taken.sequence)
            if taken.deliveries < _MOST_DELIVERIES:
                await self._consumer.retry(taken, _RETRY_S * taken.deliveries)
            else:
                self.rejected += 1
                await self._consumer.refuse(taken)
        else:
            self.done[verdict] += 1
            await self._consumer.done(taken)

    def _read(self, taken: Taken) -> Article:
        """The article in a message.

        Raises:
            DecodeError, ValueError: there is none.
        """
        vendor = parse_news_tape_subject(taken.subject)
        if vendor not in READERS:
            raise ValueError(f"a vendor must be one of {sorted(READERS)}, was {vendor!r}")
        received_ms = int(float(taken.headers.get(RECEIVED_MS, 0)))
        article = article_of(READERS[vendor](taken.payload, received_ms), self._listed)
        if article is None:
            raise ValueError("an article must have a title")
        return article

    async def _publish(self, article: Article, *, again: bool) -> Verdict:
        """Remember *article* if it is new or a revision, and publish it; also what was known if it is dealt with *again*.

        Raises:
            BrokerError: not known to be done; it may be done again.
        """
        known: Article | None = None
        revision = 0  # nearly every article is new: that is found out by putting it
        while True:
            verdict, found = judge(article, known)
            if found is None:
                if again and known is not None:
                    await self._send(known)
                return verdict
            try:
                await self._known.put_if(found.id, encode_json(found), revision)
            except FencedError:  # it is known, or another version of it was put meanwhile
                entry = await self._known.get(article.id)
                if entry is not None and entry.value is not None:
                    known, revision = _decode_article(entry.value), entry.revision
            else:
                await self._send(found)
                return verdict

    async def _send(self, article: Article) -> None:
        payload = encode_json(article)
        name = f"{article.id}.{article.revision}"
        received = {RECEIVED_MS: str(article.received_ms)}
        subjects = [(NEWS_OF_ALL, name)]
        subjects += [(news_subject(symbol), f"{name}.{symbol}") for symbol in article.tickers]
        await asyncio.gather(*(
            self._connection.acknowledged(subject, payload, {MESSAGE_ID: each, **received})
            for subject, each in subjects
        ))  # fmt: skip
