"""The three signals of OpenTelemetry, as its SDK tells them by OTLP over HTTP. Loaded only where they are asked for."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from mesh import clock
from mesh.health import VERSION
from mesh.instruments import INSTRUMENTS, LATENCY_S, Instrument, Kind
from mesh.logs import Line
from mesh.meters import Meters, Record, Sample
from mesh.otlp_spans import TracedSpans, context_of


SCOPE = "tickmesh"

End = Callable[[], object]
"""Tells the rest, and ends what tells; it may hang for as long as the receiver does."""

_SAME_S = 0.5
"""Instruments that are read within so long tell of the same moment."""
_READ_S = 1.0
_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}

# A receiver that is away would otherwise be a line for each time that it is tried again.
logging.getLogger("opentelemetry").setLevel(logging.ERROR)


def resource_of(program: str) -> Resource:
    """What is told of the process; what the environment says of it comes first."""
    ours = {"service.namespace": SCOPE, "service.name": program, "service.version": VERSION}
    return Resource.create(ours).merge(OTELResourceDetector().detect())


def tell_metrics(resource: Resource, meters: Meters) -> End:
    """Tell the value of every instrument now and then; what ends that."""
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter(SCOPE, VERSION)
    glance = _Glance(meters, asyncio.get_running_loop())
    makers = {
        Kind.COUNTER: meter.create_observable_counter,
        Kind.GAUGE: meter.create_observable_gauge,
    }
    for each in INSTRUMENTS:
        if each.kind in makers:
            look = partial(glance.observe, each.short)
            makers[each.kind](each.name, [look], each.unit, each.about)
    meters.mirror(partial(_histogram, meter))
    return provider.shutdown


def spans_of(resource: Resource, ratio: float) -> tuple[TracedSpans, End]:
    """What makes spans of that part of all batches; and what ends the telling of them."""
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)  # it was decided before
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return TracedSpans(provider.get_tracer(SCOPE, VERSION), ratio), provider.shutdown


def teller_of_logs(resource: Resource) -> tuple[Callable[[Line], None], End]:
    """What tells a line of the log; and what ends that."""
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    logger = provider.get_logger(SCOPE, VERSION)

    def tell(line: Line) -> None:
        span = context_of(f"00-{line.get('trace_id', '')}-{line.get('span_id', '')}-01")
        level = str(line["level"])
        logger.emit(
            timestamp=int(clock.now_ms() * 1_000_000),
            context=None if span is None else set_span_in_context(NonRecordingSpan(span)),
            severity_number=_SEVERITIES.get(level, SeverityNumber.INFO),
            severity_text=level,
            body=str(line["event"]),
            event_name=str(line["event"]),
            attributes=_fields(line),
        )

    return tell, provider.shutdown


class _Glance:
    """The values of one moment, for the thread that exports: they are read in the thread that changes them."""

    def __init__(self, meters: Meters, loop: asyncio.AbstractEventLoop) -> None:
        self._meters = meters
        self._loop = loop
        self._values: dict[str, list[Sample]] = {}
        self._read_s = 0.0

    def observe(self, short: str, options: CallbackOptions) -> Iterable[Observation]:
        """The values of one instrument."""
        del options
        if clock.monotonic_s() - self._read_s > _SAME_S:
            # A loop that does not come to it, or is closed, has told last what is told again.
            with suppress(TimeoutError, RuntimeError):
                reading = asyncio.run_coroutine_threadsafe(self._read(), self._loop)
                self._values = reading.result(_READ_S)
            self._read_s = clock.monotonic_s()
        return [Observation(each.value, each.attributes) for each in self._values.get(short, [])]

    async def _read(self) -> dict[str, list[Sample]]:
        return {instrument.short: samples for instrument, samples in self._meters.samples()}


def _histogram(meter: Meter, instrument: Instrument) -> Record:
    made = meter.create_histogram(
        instrument.name,
        instrument.unit,
        instrument.about,
        explicit_bucket_boundaries_advisory=LATENCY_S,
    )
    return made.record


def _fields(line: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    told = ("event", "level", "timestamp", "trace_id", "span_id")
    return {
        name: value if isinstance(value, (str, int, float, bool)) else str(value)
        for name, value in line.items()
        if name not in told
    }
