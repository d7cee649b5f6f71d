"""How much a client may do: frames, connections, subscriptions. Pure: the time is passed in."""

from collections import Counter

from schemas.widget import NOT_UNDERSTOOD, TOO_MANY, Close


FRAMES_PER_S = 100
BAD_FRAMES = 20
SUBSCRIPTIONS = 64

_BURST_S = 2
"""A client may save up its frames for so long."""


class Rate:
    """So many a second, and *burst* at once after a pause.

    Between any two moments at most `burst + per_s * seconds` are let through.
    """

    __slots__ = ("_at_s", "_burst", "_left", "_per_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._at_s: float | None = None

    def take(self, now_s: float, n: float = 1) -> bool:
        """Whether *n* more may pass at *now_s*, of any clock; if not, nothing is used up.

        A clock that goes back counts as one that stands still.
        """
        if self._at_s is None:
            self._at_s = now_s
        if now_s > self._at_s:
            self._left = min(self._burst, self._left + (now_s - self._at_s) * self._per_s)
            self._at_s = now_s
        if n > self._left:
            return False
        self._left -= n
        return True


class Places:
    """Who is connected, by user and by address; each connection enters once and leaves once.

    A connection whose user is not known yet, or has none, counts for its address alone. When it
    says who it is, it leaves without a user and enters with one, without an await between.
    """

    def __init__(self, per_user: int, per_address: int, total: int) -> None:
        self._per_user = per_user
        self._per_address = per_address
        self._most = total
        self._users: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self.total = 0
        """Connections that are in."""

    def enter(self, user: str | None, address: str) -> str | None:
        """Take a place; or why there is none, in words for the client, and then nothing is counted."""
        if self.total >= self._most:
            return "the service has all the clients that it can take"
        if self._addresses[address] >= self._per_address:
            return f"there are {self._per_address} connections from this address already"
        if user is not None and self._users[user] >= self._per_user:
            return f"there are {self._per_user} connections of this user already"
        self.total += 1
        self._addresses[address] += 1
        if user is not None:
            self._users[user] += 1
        return None

    def leave(self, user: str | None, address: str) -> None:
        """Give back the place that was taken with the same *user* and *address*.

        Raises:
            ValueError: none was.
        """
        if not self._addresses[address] or (user is not None and not self._users[user]):
            raise ValueError("nobody can leave who has not entered")
        self.total -= 1
        _decrease(self._addresses, address)
        if user is not None:
            _decrease(self._users, user)

    def of_user(self, user: str) -> int:
        """How many connections of *user* are in."""
        return self._users[user]

    def of_address(self, address: str) -> int:
        """How many connections from *address* are in."""
        return self._addresses[address]

    @property
    def known(self) -> int:
        """How many users and addresses are remembered: those that are in, and no more."""
        return len(self._users) + len(self._addresses)


class Allowance:
    """What one connection may do. Where it does more, the answer is the code to close it with."""

    __slots__ = ("_bad_left", "_frames", "_subscriptions")

    def __init__(
        self,
        frames_per_s: float = FRAMES_PER_S,
        bad_frames: int = BAD_FRAMES,
        subscriptions: int = SUBSCRIPTIONS,
    ) -> None:
        """Allow so much.

        Args:
            frames_per_s: frames of the client, on average; twice as many at once.
            bad_frames: those, ever, that may be no frames of the protocol.
            subscriptions: at a time.
        """
        self._frames = Rate(frames_per_s, _BURST_S * frames_per_s)
        self._bad_left = bad_frames
        self._subscriptions = subscriptions

    def frame(self, now_s: float) -> Close | None:
        """Count a frame of the client, of any kind, before anything is done with it."""
        return None if self._frames.take(now_s) else TOO_MANY

    def bad_frame(self) -> Close | None:
        """Count a frame that could not be understood; None: answer it with an error, and go on."""
        if not self._bad_left:
            return NOT_UNDERSTOOD
        self._bad_left -= 1
        return None

    def may_subscribe(self, subscriptions: int) -> bool:
        """Whether a client that has *subscriptions* may have one more; if not, its frame is refused."""
        return subscriptions < self._subscriptions


def _decrease(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
