"""Who is connected: a session, and what the process knows beside it."""

import asyncio
from collections.abc import Callable

from mesh.tokens import Token
from services.widgets.server import Connection
from services.widgets.session import Session


class Guest:
    """Somebody who follows feeds, over whatever connection."""

    __slots__ = ("address", "session", "token", "user")

    def __init__(self, session: Session, address: str) -> None:
        self.session = session
        self.address = address
        self.user: str | None = None
        self.token: Token | None = None


class Client(Guest):
    """Somebody at the other end of a WebSocket.

    Args:
        finish: called when the session has decided that the connection is to be closed.
    """

    __slots__ = ("connection", "finish", "is_gone", "timer")

    def __init__(
        self, session: Session, address: str, connection: Connection, finish: Callable[[], None]
    ) -> None:
        super().__init__(session, address)
        self.connection = connection
        self.finish = finish
        self.is_gone = False
        self.timer: asyncio.TimerHandle | None = None
        """Of the next frame, if only time stands before it."""
