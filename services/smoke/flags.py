"""The command line of `mesh smoke`. Light: every program of the mesh reads it at start."""

import argparse


DEFAULT_SECONDS = 60.0
EXPECTED = ("listener", "reference", "processors", "boards", "news", "widgets", "control")
"""Programs that are on the broker in every deployment."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "urls",
        nargs="*",
        metavar="URL",
        help="where programs tell their health: http://listener:8090 …",
    )
    parser.add_argument(
        "--ws",
        metavar="URL",
        help="`/ws` of the Widget Data Service (default: MESH_WIDGETS_URL, else that of this machine)",
    )
    parser.add_argument(
        "--version",
        metavar="V",
        help="what must run (default: MESH_IMAGE_VERSION, else the version of this command)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=DEFAULT_SECONDS,
        metavar="N",
        help="how long a rollout may still take: each check may need so long (default: %(default)g)",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=EXPECTED,
        metavar="PROGRAM",
        help="a program that is not deployed, several times if need be",
    )
    parser.add_argument(
        "--token-file",
        metavar="F",
        help="file with a token for the Widget Data Service (default: MESH_TOKEN, else one is made with MESH_TOKEN_KEY)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
