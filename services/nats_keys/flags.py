"""The command line of `mesh nats-keys`. Light: every program of the mesh reads it at start."""

import argparse


DEFAULT_DAYS = 30


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "folder", metavar="DIR", help="where the keys are, or are to be made: a new folder"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--user",
        metavar="NAME",
        help="print new credentials for a person or a tool, which may read and change nothing",
    )
    what.add_argument(
        "--revoke",
        metavar="KEY",
        help="take credentials back at once, by their public key (it begins with U); asks the broker at MESH_NATS_URL",
    )
    what.add_argument(
        "--renew",
        action="store_true",
        help="give each program what this version lets it do, after an upgrade; keys stay",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="what a --user is: there are no others"
    )
    parser.add_argument(
        "--days",
        type=int,
        default=DEFAULT_DAYS,
        metavar="N",
        help=f"how long a --user may read, 366 at most (default: {DEFAULT_DAYS})",
    )
