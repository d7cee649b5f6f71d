"""`mesh bench telemetry`: what it costs to tell OpenTelemetry of everything: the same tape through the whole tree, with and without, in turns.

With it every program tells metrics, logs and traces (one batch in a hundred, as usual) to a receiver on this
machine, and metrics twelve times as often as usual, so that a short run has some. Start-up is left out.
"""

import argparse
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Any

from services.bench import pipeline


_TOLD_MS = 5_000


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    without: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    with _receiving() as sink:
        for turn in range(arguments.turns):
            pairs = [(without, {}), (told, _variables(sink.address))]
            for results, environment in pairs if turn % 2 == 0 else reversed(pairs):
                with _environment(environment):
                    results.append(pipeline.main(arguments))
    before, after = (
        median(each["cpu_us_per_event"] for each in results) for results in (without, told)
    )
    return {
        "bench": "telemetry",
        "events_per_s": without[0]["events_per_s"],
        "without_us_per_event": [each["cpu_us_per_event"] for each in without],
        "told_us_per_event": [each["cpu_us_per_event"] for each in told],
        "cost_pct": round((after / before - 1) * 100, 1),
        "requests": sink.requests,
        "told_kb": sink.size_bytes >> 10,
        "rss_mb": {
            name: [without[-1]["rss_mb"][name][-1], told[-1]["rss_mb"][name][-1]]
            for name in told[-1]["rss_mb"]
        },
        "discarded": sum(each["discarded"] for each in (*without, *told)),
    }


class _Sink:
    """A receiver that keeps nothing."""

    def __init__(self) -> None:
        self.address = ""
        self.requests = self.size_bytes = 0


def _variables(address: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": str(_TOLD_MS),
    }


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Programs that are started meanwhile inherit *variables*."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


@contextmanager
def _receiving() -> Iterator[_Sink]:
    sink = _Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sink.requests += 1
            sink.size_bytes += len(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
