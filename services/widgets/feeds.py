"""The feeds that there are: one for every board that was ever heard of, and none by name."""

from schemas.leaderboard import Board
from schemas.widget import Feeds
from schemas.wire import encode_json, json_decoder
from services.widgets.view import BoardView


_decode_board = json_decoder(Board).decode


class Catalogue:
    """Views by feed name, shared by all sessions. A feed that ends and returns has a new epoch."""

    def __init__(self, epoch: str) -> None:
        self.views: dict[str, BoardView] = {}
        self.generation = 0
        """Grows whenever a feed appears or ends."""
        self._epoch = epoch
        self._announcement = encode_json(Feeds([])).decode()

    @property
    def names(self) -> list[str]:
        """All feeds, sorted."""
        return sorted(self.views)

    @property
    def announcement(self) -> str:
        """The encoded frame that lists the feeds."""
        return self._announcement

    def put(self, board: str, value: bytes, received_ms: float) -> bool:
        """Take a new value of *board*; whether there is something to send.

        Raises:
            DecodeError: *value* is not a board; what was known stays.
        """
        decoded = _decode_board(value)
        feed = feed_name(board)
        view = self.views.get(feed)
        if view is not None:
            return view.update(decoded, received_ms)
        epoch = f"{self._epoch}.{self.generation}"
        self.views[feed] = BoardView(feed, epoch, decoded, received_ms)
        self._announce()
        return True

    def delete(self, board: str) -> bool:
        """End the feed of *board*; whether there was one."""
        if self.views.pop(feed_name(board), None) is None:
            return False
        self._announce()
        return True

    def _announce(self) -> None:
        self.generation += 1
        self._announcement = encode_json(Feeds(self.names)).decode()


def feed_name(board: str) -> str:
    """The feed of a board: `board/gainers`."""
    return f"board/{board}"
