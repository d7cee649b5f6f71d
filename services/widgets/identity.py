"""Which stream it is that is read: one that was deleted and made again numbers its messages anew."""

import asyncio
from hashlib import blake2b
from typing import Any

from mesh.connection import Connection
from mesh.errors import BrokerError


_RETRY_S = 0.5


class Identity:
    """That of *stream*. It can be another only after a reconnect, for whoever watches it through a consumer."""

    def __init__(self, connection: Connection, stream: str) -> None:
        self.epoch = ""
        """Empty before `is_new`."""
        self._connection = connection
        self._stream = stream
        self._incarnation: int | None = None
        """Of the connection, when the stream was last looked at."""

    async def is_new(self, known: int) -> bool:
        """Whether it is another than the last time, or has lost what it had up to the number *known*.

        A server whose machine died may have not written the last minutes yet. Waits for a broker that does not answer.
        """
        is_new = False
        while self._incarnation != self._connection.incarnation:
            incarnation = self._connection.incarnation
            try:
                info = await self._connection.api(f"$JS.API.STREAM.INFO.{self._stream}")
            except BrokerError:
                await asyncio.sleep(_RETRY_S)
                continue
            epoch = epoch_of(self._stream, info)
            is_new = is_new or epoch != self.epoch or info["state"]["last_seq"] < known
            self._incarnation, self.epoch = incarnation, epoch
        return is_new


def epoch_of(stream: str, info: dict[str, Any]) -> str:
    """What tells the numbers of *stream* from those of another, by what the server says of it."""
    made = f"{stream} {info['created']}"
    return blake2b(made.encode(), digest_size=6).hexdigest()
