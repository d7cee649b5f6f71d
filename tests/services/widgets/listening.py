"""A client of server-sent events, as their specification says that one reads them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec

from schemas.widget import ServerFrame
from schemas.wire import Decoder
from tests.services.widgets.serving import Place


_PATIENCE_S = 20.0

_decode = Decoder[ServerFrame](msgspec.json.Decoder(ServerFrame).decode).decode


class Events:
    """What comes over one connection, read as the specification of server-sent events says."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines = answer.aiter_lines()

    async def next(self) -> Any:
        """The frame of the next event; None: the stream has ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(_PATIENCE_S):
            async for line in self._lines:
                if not line and fields:
                    return self._dispatch(fields)
                name, colon, value = line.partition(": ")
                if line and not line.startswith(":"):
                    assert colon, line
                    assert name in ("event", "id", "data"), line
                    assert name not in fields, "a field twice"
                    fields[name] = value
        assert not fields, "the stream ended amid an event"
        return None

    async def until_comments(self, count: int) -> None:
        """Take so many comments, and nothing else."""
        for _ in range(count):
            assert [await anext(self._lines), await anext(self._lines)] == [":", ""]

    async def until(self, kind: type[Any]) -> Any:
        """The next frame of a *kind*."""
        while True:
            frame = await self.next()
            assert frame is not None, "the stream has ended"
            if isinstance(frame, kind):
                return frame

    def _dispatch(self, fields: dict[str, str]) -> ServerFrame:
        frame = _decode(fields["data"])
        assert fields["event"] == msgspec.json.decode(fields["data"])["type"]
        seq = getattr(frame, "seq", None)
        assert ("id" in fields) == (seq is not None)
        if seq is not None:
            self.last_id = fields["id"]
            epoch, _, number = self.last_id.rpartition(":")
            assert number == str(seq)
            assert epoch
            assert epoch == getattr(frame, "epoch", epoch)
        return frame


@asynccontextmanager
async def listening(
    program: Place, feed: str, last: str | None = None, **query: str
) -> AsyncIterator[Events]:
    """A client of *feed* with a token for everything; *last* is the id of the last event that it has."""
    headers = {"Authorization": f"Bearer {program.token()}"}
    if last is not None:
        headers["Last-Event-ID"] = last
    async with (
        httpx.AsyncClient(base_url=program.page, headers=headers, trust_env=False) as http,
        http.stream("GET", f"sse/{feed}", params=query) as answer,
    ):
        assert answer.status_code == 200
        yield Events(answer)
