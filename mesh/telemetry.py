"""OpenTelemetry, for a program whose environment asks for it: metrics, traces and logs by OTLP over HTTP.

What is asked for, and where it goes, the standard's own variables say; the SDK reads most of them.
Without them nothing of it is loaded (`mesh.otlp`). Each signal has its own thread and a bounded queue:
a receiver that is away or hangs costs what was to be told, and nothing else.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from mesh.logs import Log, copy_to
from mesh.meters import Meters
from mesh.spans import Spans


USUAL_RATIO = 0.01
"""Which part of the batches is traced where nobody says: each one, as the standard has it, would cost more than the work."""

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_SPOKEN = "http/protobuf"
_SAMPLERS = {"always_on": 1.0, "always_off": 0.0}
_BY_RATIO = "traceidratio"
_END_S = 1.5
"""So long the end of a program waits for the last of what it has to tell."""


class Wanted(NamedTuple):
    """Which signals are asked for."""

    metrics: bool
    traces: bool
    logs: bool


def wanted(environment: Mapping[str, str]) -> Wanted:
    """What *environment* asks for: metrics and traces once there is an address; logs when they are named."""

    def is_wanted(signal: str, *, usually: bool) -> bool:
        own = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        exporter = environment.get(f"OTEL_{signal}_EXPORTER", "").strip()
        is_addressed = bool(own or environment.get(_ENDPOINT))
        return exporter == "otlp" or (usually and is_addressed and not exporter)

    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Wanted(metrics=False, traces=False, logs=False)
    return Wanted(
        metrics=is_wanted("METRICS", usually=True),
        traces=is_wanted("TRACES", usually=True),
        logs=is_wanted("LOGS", usually=False),
    )


def ratio(environment: Mapping[str, str]) -> float:
    """Which part of the batches is traced, by `OTEL_TRACES_SAMPLER` and its argument; what makes no sense counts as unset."""
    sampler = environment.get("OTEL_TRACES_SAMPLER", "").strip().removeprefix("parentbased_")
    if sampler != _BY_RATIO:
        return _SAMPLERS.get(sampler, USUAL_RATIO)
    with suppress(ValueError):
        return min(1.0, max(0.0, float(environment.get("OTEL_TRACES_SAMPLER_ARG") or 1.0)))
    return USUAL_RATIO


@asynccontextmanager
async def opened(program: str, meters: Meters, log: Log) -> AsyncIterator[Spans | None]:
    """What is asked for, told for the duration of the context; gives what makes spans, None if nobody wants any."""
    asked = wanted(os.environ)
    if not any(asked):
        yield None
        return
    from mesh import otlp  # noqa: PLC0415 (a program that nobody asks does not pay for it)

    resource = otlp.resource_of(program)
    spans, endings = None, []
    if asked.metrics:
        endings.append(otlp.tell_metrics(resource, meters))
    if asked.traces:
        spans, end = otlp.spans_of(resource, ratio(os.environ))
        endings.append(end)
    if asked.logs:
        tell, end = otlp.teller_of_logs(resource)
        copy_to(tell)
        endings.append(end)
    log.info("telemetry.started", metrics=asked.metrics, traces=asked.traces, logs=asked.logs)
    protocol = os.environ.get(_PROTOCOL) or _SPOKEN
    if protocol != _SPOKEN:
        log.warning("telemetry.protocol", asked=protocol, spoken=_SPOKEN)
    try:
        yield spans
    finally:
        copy_to(None)
        await _end(endings)


async def _end(endings: Iterable[Callable[[], object]]) -> None:
    """Have the rest told, for as long as a program may take to end; what hangs then ends with the process."""
    async with asyncio.TaskGroup() as tasks:
        for each in endings:
            tasks.create_task(_ended(each))


async def _ended(ending: Callable[[], object]) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def act() -> None:
        ending()
        with suppress(RuntimeError):  # nobody waits any more, the loop is closed
            loop.call_soon_threadsafe(done.set)

    # Not the loop's executor: the process would wait for its threads.
    threading.Thread(target=act, daemon=True, name="telemetry-end").start()
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_S):
            await done.wait()
