"""The command line of `mesh up`. Light: every program of the mesh reads it at start."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--tape",
        nargs="+",
        metavar="PATH",
        help="play recordings: files or folders of vendor JSON lines or flat-file CSV, plain or gzip",
    )
    parser.add_argument(
        "--speed",
        metavar="N|max",
        help="how much faster than real time, or as fast as possible (default: 1)",
    )
    parser.add_argument(
        "--exit-at-end",
        action="store_true",
        help="when the tape has ended: drain, print a JSON summary on standard output, exit 0",
    )
    parser.add_argument(
        "--partitions", type=int, metavar="P", help="number of partitions (default: 16)"
    )
    parser.add_argument(
        "--nodes",
        type=_count,
        default=1,
        metavar="N",
        help="number of embedded brokers; several form a cluster that replicates (default: 1)",
    )
    parser.add_argument(
        "--workers",
        type=_count,
        default=1,
        metavar="N",
        help="number of processes that share the partitions (default: 1)",
    )
    parser.add_argument("--port", type=int, help="port of the page (default: 8080, or a free one)")
    parser.add_argument(
        "--nats-port",
        type=int,
        help="port of the (first) embedded broker (default: 4222, or a free one)",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="state of the broker, and logs (default: .mesh/live, .mesh/tape or .mesh/simulated)",
    )
    parser.add_argument("--no-web", action="store_true", help="without the page")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, was {count}")
    return count
