"""What `mesh tail` writes into a pipe: a JSON object for each update or event, one a line."""

from typing import Any, BinaryIO, Self, TextIO

from mesh.feed_state import TableState
from mesh.follower import Update
from mesh.subscription import Subscription
from mesh.widget_client import WidgetClient
from schemas.wire import encode_json
from services.tail.cells import printable


class Lines:
    """Lines on *out*; what is not data is said on *err*."""

    def __init__(
        self, out: BinaryIO, err: TextIO, client: WidgetClient, subscription: Subscription
    ) -> None:
        self._out, self._err = out, err
        self._client = client
        self._subscription = subscription
        self._said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held back."""

    def on_update(self, update: Update) -> None:
        """Write what has changed.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        if isinstance(update, TableState):
            self._out.write(encode_json(as_object(self._subscription.feed, update)) + b"\n")
        else:
            if update.missed:
                self._err.write(f"mesh tail: {update.missed} events were too many to keep\n")
            for value in update.values:
                # In JSON a line feed is nothing but space.
                self._out.write(bytes(value).replace(b"\n", b" ") + b"\n")
        self._out.flush()
        self.on_tick()

    def on_tick(self) -> None:
        """Say once when there is no connection, and when there is one again."""
        said = "" if self._client.connected else printable(self._client.trouble)
        if said != self._said:
            self._err.write(f"mesh tail: {said or 'is connected'}\n")
            self._said = said


def as_object(feed: str, table: TableState) -> dict[str, Any]:
    """A table with its rows as objects, best first."""
    return {
        "feed": feed,
        "epoch": table.epoch,
        "seq": table.seq,
        "received_ms": table.received_ms,
        "head": table.head,
        "total": table.total,
        "rows": [
            dict(zip(table.columns, table.rows[symbol], strict=True)) for symbol in table.symbols
        ],
    }
