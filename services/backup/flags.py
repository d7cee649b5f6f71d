"""The command lines of `mesh backup` and `mesh restore`. Light: every program of the mesh reads them at start."""

import argparse


def add(parser: argparse.ArgumentParser, *, writes: bool) -> None:
    """Declare the flags; *writes*: of the one that makes the file."""
    about = (
        "the file to make; one that is there is left alone" if writes else "what `mesh backup` made"
    )
    parser.add_argument("file", metavar="FILE", help=about)
