"""What the broker says of its streams and of who reads them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from mesh import clock
from mesh.connection import Connection
from schemas.wire import Wire


class Consumer(Wire, frozen=True):
    """Somebody for whom the broker remembers how far they have come."""

    stream: str
    name: str
    pending: int
    """Messages that it was not given yet."""
    unacknowledged: int
    redelivered: int


class Stream(Wire, frozen=True):
    """A stream, or the one behind a bucket."""

    name: str
    messages: int
    bytes: int
    max_bytes: int
    """-1: as many as there is room for."""
    last_sequence: int
    last_age_s: float | None
    """Since its newest message came; None if there never was one."""
    per_s: float | None
    """Messages that came a second, since it was looked at before; None the first time."""
    consumers: int
    leader: str
    """Of a cluster; empty: of a single server, or none just now."""


class Streams:
    """The streams of a broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._before: dict[str, tuple[int, float]] = {}

    async def ask(self) -> tuple[list[Stream], list[Consumer]]:
        """All streams by name, and the durable consumers among their readers.

        Raises:
            BrokerError: the broker does not answer.
        """
        listed = (await self._connection.api("$JS.API.STREAM.LIST", {"offset": 0}))["streams"] or []
        now_s, now_ms = clock.monotonic_s(), clock.now_ms()
        streams = [self._stream(each, now_s, now_ms) for each in listed]
        self._before = {each.name: (each.last_sequence, now_s) for each in streams}
        with_readers = [
            each.name
            for each in streams
            if each.consumers and not each.name.startswith("KV_")  # those are watched, not consumed
        ]
        found = await asyncio.gather(*map(self._consumers, with_readers))
        return sorted(streams, key=lambda each: each.name), [
            each for some in found for each in some
        ]

    async def _consumers(self, stream: str) -> list[Consumer]:
        answer = await self._connection.api(f"$JS.API.CONSUMER.LIST.{stream}", {"offset": 0})
        return [
            Consumer(
                stream, each["name"], each["num_pending"], each["num_ack_pending"], each["num_redelivered"]
            )
            for each in answer["consumers"] or []
            if each["config"].get("durable_name")
        ]  # fmt: skip

    def _stream(self, told: dict[str, Any], now_s: float, now_ms: float) -> Stream:
        config, state = told["config"], told["state"]
        name, last = config["name"], state["last_seq"]
        before = self._before.get(name)
        per_s = None
        if before is not None and now_s > before[1] and last >= before[0]:
            per_s = round((last - before[0]) / (now_s - before[1]), 1)
        return Stream(
            name,
            state["messages"],
            state["bytes"],
            config["max_bytes"],
            last,
            round(max(0.0, now_ms - _epoch_ms(state["last_ts"])) / 1000, 1) if last else None,
            per_s,
            state["consumer_count"],
            (told.get("cluster") or {}).get("leader", ""),
        )


def _epoch_ms(text: str) -> float:
    """An instant as the server writes it: in nanoseconds, which are more than `datetime` reads."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return seconds * 1000 + float(f"0.{fraction or 0}") * 1000
