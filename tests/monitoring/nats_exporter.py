"""Stands in for prometheus-nats-exporter beside a broker: the series of it that we read, by its rules, from the same endpoints.

It is a KeyError if a server no longer tells what one of them is made of. The exporter names a value of
`/varz` by its path, and takes those of `/jsz` from each server that holds a replica.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.monitoring.metrics import FOREIGN


_VARZ = "gnatsd_varz_"
_OF_STREAM = {"messages": "total_messages", "bytes": "total_bytes", "last_seq": "last_seq"}
_OF_CONSUMER = ("num_pending", "num_ack_pending", "num_redelivered")

Sample = tuple[str, dict[str, str], float]


@contextmanager
def exporting(monitoring: str) -> Iterator[str]:
    """What answers with the figures of the broker at *monitoring*; gives its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            lines = (_line(*sample) for sample in samples(monitoring))
            self.send_response(200)
            self.end_headers()
            self.wfile.write("".join(lines).encode())

        def log_message(self, *_: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
            """Nothing: it would be written among the results."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def samples(monitoring: str) -> Iterator[Sample]:
    """Every series, with its labels and its value."""
    with httpx.Client(base_url=monitoring, trust_env=False) as http:
        varz, connz = http.get("/varz").json(), http.get("/connz").json()
        health = http.get("/healthz").json()["status"]
        jsz = http.get("/jsz?consumers=true&config=true&raft=true").json()
    server = {"server_id": monitoring}
    yield "gnatsd_healthz_status", server, float(health != "ok")
    yield "gnatsd_healthz_status_value", {**server, "value": health}, float(health == "ok")
    yield "gnatsd_varz_version", {**server, "value": varz["version"]}, 1.0
    pending = sum(each["pending_bytes"] for each in connz["connections"])
    yield "gnatsd_connz_pending_bytes", server, pending
    flat = dict(_flat(varz, _VARZ))
    for name in FOREIGN:
        if name.startswith(_VARZ) and name != "gnatsd_varz_version":
            yield name, server, flat[name]
    yield from _of_jetstream(jsz, {**server, "server_name": varz["server_name"]})


def _flat(told: dict[str, Any], path: str) -> Iterator[tuple[str, float]]:
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{name}_")
        elif isinstance(value, int | float):
            yield f"{path}{name}", value


def _of_jetstream(jsz: dict[str, Any], server: dict[str, str]) -> Iterator[Sample]:
    yield "jetstream_server_total_streams", server, jsz["streams"]
    for account in jsz["account_details"]:
        for stream in account.get("stream_detail", ()):
            labels = {**server, "stream_name": stream["name"], "is_stream_leader": "true"}
            for field, name in _OF_STREAM.items():
                yield f"jetstream_stream_{name}", labels, stream["state"][field]
            yield "jetstream_stream_limit_bytes", labels, stream["config"]["max_bytes"]
            for consumer in stream.get("consumer_detail", ()):
                whose = {**labels, "consumer_name": consumer["name"], "is_consumer_leader": "true"}
                for name in _OF_CONSUMER:
                    yield f"jetstream_consumer_{name}", whose, consumer[name]


def _line(name: str, labels: dict[str, str], value: float) -> str:
    told = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{told}}} {value}\n"
