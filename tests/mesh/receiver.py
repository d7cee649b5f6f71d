"""A receiver of OTLP over HTTP that keeps what it is told, and can be ill."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


Health = Literal["well", "unavailable", "hanging"]


class Receiver:
    """What was told to an address."""

    def __init__(self) -> None:
        self.health: Health = "well"
        self.refused = 0
        """Requests that were not taken."""
        self.spans: list[tuple[str, Any]] = []
        """Each with the service that it is of."""
        self.metrics: dict[str, dict[str, Any]] = {}
        """The newest of each name, by service."""
        self.logs: list[tuple[str, Any]] = []
        self.address = ""
        self._recovered = threading.Event()

    def end(self) -> None:
        """Let go of whoever hangs."""
        self._recovered.set()

    def take(self, path: str, body: bytes) -> int:
        """The status of the answer to a request."""
        if self.health != "well":
            self.refused += 1
            if self.health == "hanging":
                self._recovered.wait()
            return 503
        match path:
            case "/v1/traces":
                for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                    found = (span for scope in sent.scope_spans for span in scope.spans)
                    self.spans += [(_service(sent), span) for span in found]
            case "/v1/metrics":
                for sent in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    told = self.metrics.setdefault(_service(sent), {})
                    told |= {
                        each.name: each for scope in sent.scope_metrics for each in scope.metrics
                    }
            case "/v1/logs":
                for sent in ExportLogsServiceRequest.FromString(body).resource_logs:
                    lines = (line for scope in sent.scope_logs for line in scope.log_records)
                    self.logs += [(_service(sent), line) for line in lines]
            case _:
                return 404
        return 200


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port, for the duration of the context."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(self.path, body))
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
            """Nothing: it would be written among the results."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield receiver
    finally:
        receiver.end()
        server.shutdown()
        serving.join()
        server.server_close()


def attributes(told: Any) -> dict[str, Any]:
    """The attributes of whatever has some."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in told.attributes
    }


def _service(sent: Any) -> str:
    return str(attributes(sent.resource)["service.name"])
