"""Everything that can be done to a mesh that runs, each as a value: the same for the CLI, HTTP and NATS requests."""

from typing import Any

from msgspec.structs import replace

from mesh.control import Change
from schemas.control import (
    AnyMarket,
    FeedWanted,
    Level,
    RebalanceWanted,
    check_channels,
    check_host,
)


MASSIVE, FINLIGHT = "massive", "finlight"
WORKERS = "processors"
"""The group whose slots are the partitions."""


def stop_feed(name: str) -> Change:
    """End the connection to a vendor, and open none until `start_feed`."""
    return Change("feed.stop", "feed", name, lambda feed: replace(feed, running=False))


def start_feed(name: str) -> Change:
    """Connect to a vendor."""
    return Change("feed.start", "feed", name, lambda feed: replace(feed, running=True))


def restart_feed(name: str) -> Change:
    """Connect anew to a vendor, also if the feed was stopped."""

    def apply(feed: FeedWanted) -> FeedWanted:
        return replace(feed, running=True, restarts=feed.restarts + 1)

    return Change("feed.restart", "feed", name, apply)


def set_feed(
    name: str,
    *,
    channels: str | None = None,
    host: str | None = None,
    market: AnyMarket | None = None,
) -> Change:
    """Follow other channels, another host of the vendor's, or another market; None leaves one as it is, empty as the settings say.

    Raises:
        ValueError: it cannot be followed.
    """
    if name != MASSIVE:
        raise ValueError(
            f"only the feed {MASSIVE} can be changed, {name} can be stopped and started"
        )
    said: dict[str, Any] = {}
    if channels is not None:
        said["channels"] = check_channels(channels) if channels else None
    if host is not None:
        said["host"] = check_host(host) if host else None
    if market is not None:
        said["market"] = market or None
    if not said:
        raise ValueError("say what to change: channels, host or market")
    return Change("feed.set", "feed", name, lambda feed: replace(feed, **said))


def pause_board(name: str) -> Change:
    """Leave a board as it is."""
    return Change("board.pause", "board", name, lambda board: replace(board, paused=True))


def resume_board(name: str) -> Change:
    """Rank a board again."""
    return Change("board.resume", "board", name, lambda board: replace(board, paused=False))


def drain_worker(instance: str) -> Change:
    """Have a worker give its partitions to others and take none."""
    return Change("worker.drain", "worker", instance, lambda wanted: replace(wanted, drained=True))


def resume_worker(instance: str) -> Change:
    """Have a worker take partitions again."""
    return Change(
        "worker.resume", "worker", instance, lambda wanted: replace(wanted, drained=False)
    )


def drain_widgets(instance: str) -> Change:
    """Have a widget service send its clients to others, and not be ready."""
    return Change(
        "widgets.drain", "widgets", instance, lambda wanted: replace(wanted, drained=True)
    )


def resume_widgets(instance: str) -> Change:
    """Have a widget service serve again."""
    return Change(
        "widgets.resume", "widgets", instance, lambda wanted: replace(wanted, drained=False)
    )


def set_level(program: str, level: Level | None) -> Change:
    """Have a program write lines of *level* and of more severe ones; None: as the settings say."""
    return Change("log.level", "log", program, lambda wanted: replace(wanted, level=level))


def rebalance() -> Change:
    """Have the partitions dealt anew, whoever has them."""

    def apply(wanted: RebalanceWanted) -> RebalanceWanted:
        return replace(wanted, times=wanted.times + 1)

    return Change("rebalance", "rebalance", WORKERS, apply)
