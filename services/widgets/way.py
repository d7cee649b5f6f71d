"""The way to a client, as far as thousands are gone through for each tick: a few words of memory each."""

from collections.abc import Callable


class Way:
    """What a connection and the session of its client agree on.

    Args:
        abort: ends the connection at once.
    """

    __slots__ = ("abort", "has_room", "is_free", "is_open", "pushed_bytes", "write")

    def __init__(self, abort: Callable[[], None]) -> None:
        self.abort = abort
        self.write: Callable[[bytes], object] = _nowhere
        """Sends bytes, without being waited for; the connection says how, once it is made."""
        self.is_open = True
        """Whether frames may be sent: until a close was."""
        self.has_room = True
        """Whether what is sent now does not wait for the client to take it."""
        self.is_free = False
        """Whether the client was owed nothing when that was last looked at, and nobody has said since that it may be."""
        self.pushed_bytes = 0
        """Since a ping was last due."""

    def push(self, framed: bytes) -> bool:
        """Send whole frames at once, whether there is room or not; nothing, if the connection ends.

        Returns whether there is room for more.
        """
        if self.is_open:
            self.pushed_bytes += len(framed)
            self.write(framed)
        return self.has_room


def _nowhere(framed: bytes) -> None:
    del framed
