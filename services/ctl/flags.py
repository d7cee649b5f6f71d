"""The command line of `mesh ctl`. Light: every program of the mesh reads it at start."""

import argparse
from typing import get_args

from schemas.control import FeedName, Level, ProgramName


LEVELS = (*get_args(Level), "default")

_SEEN = "refuse if it has been changed since: the revision that `mesh ctl status --json` showed"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    parser.description = (
        "Speaks to the broker (MESH_NATS_URL), and works without the control plane. "
        "What is wanted is kept there and survives restarts; every action is written to the audit."
    )
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="WHAT")
    status = subjects.add_parser("status", help="programs, feeds, and what persons want of them")
    _add_json(status)
    _add_feed(subjects.add_parser("feed", help="stop, start, restart or change a vendor's feed"))
    _add_drain(
        subjects.add_parser("worker", help="drain a worker of its partitions, or resume it"),
        "hand its partitions over to other workers, and take none",
        "take partitions again",
        everybody=False,
    )
    _add_board(subjects.add_parser("board", help="pause or resume a leaderboard"))
    rebalance = subjects.add_parser(
        "rebalance", help="deal the partitions anew among the workers that are not drained"
    )
    _add_json(rebalance)
    _add_log(subjects.add_parser("log", help="change what a program logs, while it runs"))
    _add_drain(
        subjects.add_parser("widgets", help="drain a widget service of its clients, or resume it"),
        "send its clients elsewhere, and not be ready",
        "serve clients again",
        everybody=True,
    )
    _add_audit(subjects.add_parser("audit", help="who did what, when, and what came of it"))


def _add_feed(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in (
        ("stop", "end the connection; it stays so, also after restarts, until `start`"),
        ("start", "connect again"),
        ("restart", "connect anew"),
        ("set", "follow other channels, another host of the vendor's, or another market"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("name", nargs="?", default="massive", choices=get_args(FeedName))
        if name == "set":
            action.add_argument(
                "--channels", metavar="A.*,T.*", help='"": as MESH_SUBSCRIPTIONS says'
            )
            action.add_argument("--host", metavar="HOST", help='"": as MESH_FEED says')
            action.add_argument("--market", metavar="NAME", help='stocks, options …; "": stocks')
        action.add_argument("--revision", type=int, metavar="N", help=_SEEN)
        _add_json(action)


def _add_drain(
    parser: argparse.ArgumentParser, drain: str, resume: str, *, everybody: bool
) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in (("drain", drain), ("resume", resume)):
        action = actions.add_parser(name, help=about)
        action.add_argument(
            "instance",
            metavar="INSTANCE",
            nargs="?" if everybody else None,
            help="as `mesh ctl status` names it, or the end of that"
            + (" (default: all that run)" if everybody else ""),
        )
        _add_json(action)


def _add_board(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in (
        ("pause", "leave it as it is; it says so"),
        ("resume", "rank it again"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("name", metavar="BOARD", help="as `mesh boards` lists them")
        action.add_argument("--revision", type=int, metavar="N", help=_SEEN)
        _add_json(action)


def _add_log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("level", choices=LEVELS, help="default: as MESH_LOG_LEVEL says")
    parser.add_argument("--program", required=True, choices=get_args(ProgramName))
    _add_json(parser)


def _add_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--most", type=int, default=50, metavar="N", help="default: %(default)s")
    parser.add_argument("--who", metavar="USER", help="only what this user did")
    parser.add_argument(
        "--action", metavar="NAME", help="only feed.stop, or feed.* for all of feeds"
    )
    parser.add_argument("--follow", action="store_true", help="go on with what is done from now on")
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
