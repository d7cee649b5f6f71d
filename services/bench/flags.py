"""The command lines of `mesh bench`. Light: every program of the mesh reads them at start."""

import argparse


def add_pipeline(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--rate", type=int, default=120_000, help="events a second (default: 120000)"
    )
    parser.add_argument("--seconds", type=int, default=20, help="how long (default: 20)")
    parser.add_argument(
        "--symbols", type=int, default=10_000, help="size of the market (default: 10000)"
    )
    parser.add_argument(
        "--partitions", type=int, default=16, help="number of partitions (default: 16)"
    )


def add_open(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--rate", type=int, default=20_000, help="events a second before the open (default: 20000)"
    )
    parser.add_argument(
        "--symbols", type=int, default=10_000, help="size of the market (default: 10000)"
    )
    parser.add_argument(
        "--partitions", type=int, default=16, help="number of partitions (default: 16)"
    )


def add_failover(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--kills", type=int, default=20, help="how many workers are killed (default: 20)"
    )
    parser.add_argument("--workers", type=int, default=3, help="how many there are (default: 3)")
    parser.add_argument("--rate", type=int, default=20_000, help="events a second (default: 20000)")
    parser.add_argument(
        "--symbols", type=int, default=10_000, help="size of the market (default: 10000)"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides who is killed (default: 1)")
