"""The command line of `mesh load`. Light: every program of the mesh reads it at start."""

import argparse

from services.load.views import MOST_VIEWS


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--url",
        default="ws://127.0.0.1:8080/ws",
        help="address of the service (default: ws://127.0.0.1:8080/ws)",
    )
    parser.add_argument(
        "--self-contained",
        action="store_true",
        help="start a broker, the service, and a board of 500 rows of which 30%% change at 4 Hz",
    )
    parser.add_argument(
        "--clients", type=_count, default=100, metavar="N", help="connections (default: 100)"
    )
    parser.add_argument(
        "--views",
        type=_views,
        default=5,
        metavar="M",
        help=f"distinct views that they share, 1 to {MOST_VIEWS} (default: 5)",
    )
    parser.add_argument(
        "--seconds", type=_positive, default=10.0, metavar="S", help="how long (default: 10)"
    )
    parser.add_argument(
        "--hz",
        type=_positive,
        metavar="R",
        help="updates a second to ask for (default: as they come)",
    )
    parser.add_argument(
        "--stalled", type=_natural, default=0, metavar="K", help="further clients that never read"
    )
    parser.add_argument(
        "--hostile", type=_natural, default=0, metavar="H", help="further clients that attack"
    )
    parser.add_argument(
        "--idle",
        type=_natural,
        default=0,
        metavar="N",
        help="further clients, before the others, that subscribe to nothing: what each costs in memory",
    )
    parser.add_argument(
        "--storm",
        action="store_true",
        help="at the end drop all clients at once: how long until all have come back",
    )
    parser.add_argument(
        "--token-file", metavar="F", help="file with the one token that all clients of a --url have"
    )
    parser.add_argument(
        "--pid", type=_count, help="process of the service (default: who listens there, on Linux)"
    )


def _natural(text: str) -> int:
    return _at_least(0, int(text))


def _count(text: str) -> int:
    return _at_least(1, int(text))


def _views(text: str) -> int:
    count = _count(text)
    if count > MOST_VIEWS:
        raise argparse.ArgumentTypeError(f"must be {MOST_VIEWS} or less, was {count}")
    return count


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, was {text}")
    return number


def _at_least(least: int, number: int) -> int:
    if number < least:
        raise argparse.ArgumentTypeError(f"must be {least} or more, was {number}")
    return number
