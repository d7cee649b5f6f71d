"""The command line of `mesh tail`. Light: every program of the mesh reads it at start."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("feed", metavar="FEED", help="such as board/gainers")
    parser.add_argument(
        "--where", metavar="EXPR", help="only rows for which it holds: 'change_pct > 5'"
    )
    parser.add_argument(
        "--columns", metavar="A,B", type=_names, help="columns to show (default: the feed's own)"
    )
    parser.add_argument(
        "--sort", metavar="COL", help="column to sort by, greatest first; +COL: smallest first"
    )
    parser.add_argument(
        "--top", metavar="N", type=int, help="at most so many rows (default: what fits, or all)"
    )
    parser.add_argument(
        "--hz", metavar="R", type=float, help="updates a second, at most (default: as they come)"
    )
    parser.add_argument(
        "--url",
        default="ws://127.0.0.1:8080/ws",
        help="of the Widget Data Service (default: %(default)s)",
    )
    parser.add_argument(
        "--token-file",
        metavar="F",
        help="file with the token, read again for each connection (default: MESH_TOKEN)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="a JSON object for each update or event, as when the output is no terminal",
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
