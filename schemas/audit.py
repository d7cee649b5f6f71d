"""What the audit holds: one record for each attempt to change something, or to come in."""

from typing import Any

from schemas.wire import Wire


DONE = "done"


def refused(why: str) -> str:
    """The outcome of what was not allowed or not possible, and changed nothing."""
    return f"refused: {why}"


def failed(why: str) -> str:
    """The outcome of what was begun, and is not known to be done."""
    return f"failed: {why}"


class Record(Wire, frozen=True, kw_only=True):
    """Who did what, and what came of it. No field ever holds a secret."""

    at_ms: int
    """Epoch milliseconds UTC."""
    who: str
    """The name of a user; empty before it is known, and for what the program does by itself."""
    action: str
    """A verb with its object: `feed.stop`, `sign-in`, `token.revoke`."""
    target: str = ""
    """What it was done to."""
    before: Any = None
    """What was there, as far as it changed; a JSON value."""
    after: Any = None
    """What is there now; a JSON value."""
    outcome: str = DONE
    """`done`, `refused: why` or `failed: why`."""
    address: str = ""
    """Where it came from."""
