"""Who owns what: claims in KV `owners`, and what members of a group say of themselves."""

from schemas.wire import Wire


class Claim(Wire, frozen=True):
    """The value of KV `owners` at `{group}.{slot}`."""

    member: str
    """Who owns the slot; empty if its last owner handed it over and nobody has taken it yet."""
    since_ms: float
    """By the clock of who wrote it."""


class Heartbeat(Wire, frozen=True):
    """A member of a group is there; said several times a second on `members.{group}`."""

    member: str
    draining: bool = False
    """It takes nothing more and hands over what it has: it is about to stop."""
    gone: bool = False
    """It owns nothing any more and says good-bye."""
