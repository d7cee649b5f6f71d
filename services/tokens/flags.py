"""The command line of `mesh token`. Light: every program of the mesh reads it at start.

A token is never a flag or an argument: `ps` shows those to everybody on the machine.
"""

import argparse


DEFAULT_HOURS = 12.0


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    new = actions.add_parser(
        "new", help="print a new token, signed with MESH_TOKEN_KEY, and its id on standard error"
    )
    new.add_argument("--user", required=True, help="who it is for")
    new.add_argument(
        "--scope",
        action="append",
        required=True,
        metavar="PATTERN",
        help="feeds that the user may see, several times if need be: board/*, alert/>, row/AAPL, or > for all",
    )
    new.add_argument(
        "--hours",
        type=float,
        default=DEFAULT_HOURS,
        metavar="H",
        help=f"how long it is valid, 24 at most (default: {DEFAULT_HOURS:g})",
    )

    show = actions.add_parser(
        "show", help="read a token from standard input and print its claims, without proving them"
    )
    show.add_argument("misplaced", nargs="*", help=argparse.SUPPRESS)

    revoke = actions.add_parser(
        "revoke", help="take a token back, by its id, at once and for as long as it is valid"
    )
    revoke.add_argument("id", metavar="ID", help="as `new` and `show` print it (`jti`)")
    revoke.add_argument("--reason", default="", help="kept with the id, for people")
