"""The command lines of `mesh bench`. Light: every program of the mesh reads them at start.

A bench is a module of `services.bench` with `main(arguments)`, which gives one object; what is
listed here is a command, and `mesh bench all` runs it.
"""

import argparse
from typing import NamedTuple


class Bench(NamedTuple):
    """A bench: what it is, and its flags with their defaults, all whole numbers."""

    about: str
    flags: dict[str, int]


_MEANINGS = {
    "rate": "events a second; before the open, for `open`",
    "seconds": "how long, in seconds of the market",
    "symbols": "size of the market",
    "partitions": "number of partitions",
    "kills": "how many workers are killed",
    "workers": "how many workers there are",
    "seed": "decides who is killed",
    "articles": "articles a second, in every other stretch of 8 s",
    "minutes": "how long the day lasts",
    "turns": "how often, with it and without",
}

BENCHES = {
    "pipeline": Bench(
        "a dense mixed tape through the whole tree",
        {"rate": 120_000, "seconds": 20, "symbols": 10_000, "partitions": 16},
    ),
    "processor": Bench(
        "second bars, and a mixture, into rows and all boards, in one process without a broker",
        {"seconds": 120, "rate": 200_000, "symbols": 11_000, "partitions": 16},
    ),
    "listener": Bench(
        "frames into encoded batches, in one process without a broker",
        {"seconds": 10, "symbols": 10_000, "partitions": 16},
    ),
    "open": Bench(
        "09:30:00 with ten times the load of the pre-market",
        {"rate": 20_000, "symbols": 10_000, "partitions": 16},
    ),
    "news": Bench(
        "articles from the vendor's socket to a client's, beside a busy tape",
        {"articles": 50, "rate": 20_000, "seconds": 60, "symbols": 10_000},
    ),
    "failover": Bench(
        "workers killed under load, one after the other",
        {"kills": 20, "workers": 3, "rate": 20_000, "symbols": 10_000, "seed": 1},
    ),
}
"""By name."""

LONG = {
    "telemetry": Bench(
        "the pipeline with and without telling OpenTelemetry of it, in turns",
        {"turns": 3, "rate": 40_000, "seconds": 10, "symbols": 10_000, "partitions": 16},
    ),
    "soak": Bench(
        "a whole trading day in half an hour: what memory does",
        {"minutes": 30, "rate": 200, "symbols": 11_000, "workers": 1},
    ),
}
"""Those that `mesh bench all` leaves out."""


def add(parser: argparse.ArgumentParser, bench: Bench) -> None:
    """Declare the flags of *bench*."""
    for flag, default in bench.flags.items():
        text = f"{_MEANINGS[flag]} (default: {default})"
        parser.add_argument(f"--{flag}", type=int, default=default, help=text)
