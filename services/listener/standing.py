"""How it stands with the feed: what was asked of the vendor, and what it said."""

import asyncio
from typing import Any, NamedTuple

from mesh import clock
from mesh.settings import Settings
from schemas.control import FeedWanted
from schemas.massive import Status, decode_frame


_STATUS_WITHIN = 64
"""Statuses come in frames of their own, so the beginning of a frame tells: market frames are not searched."""
_MARKET = "stocks"


class Target(NamedTuple):
    """What a connection is made to."""

    host: str
    market: str
    channels: tuple[str, ...]


def target(settings: Settings, wanted: FeedWanted) -> Target:
    """Where to connect to, as persons want it, or else as the settings say."""
    channels = wanted.channels if wanted.channels is not None else settings.subscriptions
    return Target(
        wanted.host or settings.feed,
        wanted.market or _MARKET,
        tuple(channel.strip() for channel in channels.split(",") if channel.strip()),
    )


class Standing:
    """The connection that is open now, or was the last one.

    An unknown channel is never answered.
    """

    def __init__(self, first: Target) -> None:
        self.asked = first.channels
        """Channels."""
        self.confirmed: set[str] = set()
        self.answered = asyncio.Event()
        """Set with the first confirmation."""
        self.evicted = False
        """Another connection with our key has taken the place of this one."""
        self.stopped_by: str | None = None
        """Who wants no connection; None if one is wanted."""
        self.changed = asyncio.Event()
        """Set when a feed is stopped, or has begun to confirm channels; whoever tells clears it."""
        self._target = first
        self.connections = 0
        """How many were opened."""
        self.is_open = False
        """Whether the vendor has confirmed a channel on it."""
        self.last_ms = 0.0
        """When the newest frame came; 0 before the first."""
        self._lost = ""

    def on_opening(self, opened: Target) -> None:
        """A connection is about to be opened: what was said on the one before does not count."""
        self._target, self.asked = opened, opened.channels
        self.connections += 1
        self.stopped_by = None
        self.confirmed.clear()
        self.evicted = False

    def on_frame(self, frame: str) -> None:
        """Take note of a frame, as it arrives: statuses that wait behind market data would be too late."""
        self.last_ms = clock.now_ms()
        if '"status"' in frame[:_STATUS_WITHIN]:
            for event in decode_frame(frame)[0]:
                if isinstance(event, Status):
                    self._on_status(event)

    def on_lost(self, reason: str) -> None:
        """The connection has ended."""
        self.is_open, self._lost = False, reason

    def on_stopped(self, by: str) -> None:
        """Somebody wants no connection."""
        self.stopped_by = by
        self.confirmed.clear()
        self.changed.set()

    def _on_status(self, status: Status) -> None:
        match status.status, status.message.split(": "):
            case "success", ["subscribed to", channel]:
                is_first = not self.confirmed
                self.is_open = True
                self.confirmed.add(channel)
                self.answered.set()
                if is_first:
                    self.changed.set()
            case "success", ["unsubscribed to", channel]:
                self.confirmed.discard(channel)
            case "max_connections", _:
                self.evicted = True
            case _:
                pass

    @property
    def host(self) -> str:
        """Of the newest connection."""
        return self._target.host

    @property
    def unconfirmed(self) -> list[str]:
        """Channels that were asked for and not confirmed."""
        return [channel for channel in self.asked if channel not in self.confirmed]

    def tell(self) -> dict[str, Any]:
        """All of it, for people."""
        return {
            "running": self.stopped_by is None,
            "connected": self.is_open,
            "host": self._target.host,
            "market": self._target.market,
            "channels": list(self.asked),
            "confirmed": sorted(self.confirmed),
            "connections": self.connections,
            "last_frame_ms": int(self.last_ms) or None,
            "lost": self._lost if not self.is_open else "",
        }
