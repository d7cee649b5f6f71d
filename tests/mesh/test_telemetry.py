"""What the standard's variables ask for, and a program that tells it to a receiver which may be ill."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.otlp_spans import context_of
from mesh.settings import Settings
from mesh.telemetry import USUAL_RATIO, Wanted, ratio, wanted
from mesh.testing import eventually
from tests.mesh.programs import running_program
from tests.mesh.receiver import Health, Receiver, attributes, receiving


PROGRAM = """
import sys
from mesh.lifecycle import run
async def program(settings, lifecycle):
    lifecycle.meters.add(lambda: {"tape.rejected": 7})
    lifecycle.meters.distribution("latency.processed").record(0.003)
    if lifecycle.spans is not None and lifecycle.spans.is_due():
        with lifecycle.spans.span("process", "tape.{class}.{partition}") as headers:
            lifecycle.log.warning("owners.delayed", partitions=3, parent=headers["traceparent"])
    lifecycle.ready()
    await lifecycle.stopping.wait()
    return {"modules": sorted(name for name in sys.modules if name.startswith("opentelemetry."))}
sys.exit(run("test", program))
"""
ARGV = [sys.executable, "-c", PROGRAM]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that programs tell everything to, often."""
    with receiving() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.address)
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "100")
        yield made


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (False, False, False)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, (True, True, False)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"}, (False, True, False)),
        ({"OTEL_LOGS_EXPORTER": "otlp"}, (False, False, True)),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"},
            (True, False, False),
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "true"},
            (False, False, False),
        ),
    ],
)
def test_signals_are_asked_for(
    environment: dict[str, str], expected: tuple[bool, bool, bool]
) -> None:
    """An address asks for metrics and traces, an exporter for its signal; `none` and the switch for nothing."""
    assert wanted(environment) == Wanted(*expected)


@pytest.mark.parametrize(
    ("sampler", "argument", "expected"),
    [
        ("", "", USUAL_RATIO),
        ("always_on", "", 1.0),
        ("parentbased_always_off", "", 0.0),
        ("parentbased_traceidratio", "0.25", 0.25),
        ("traceidratio", "", 1.0),
        ("traceidratio", "7", 1.0),
        ("traceidratio", "many", USUAL_RATIO),
        ("jaeger_remote", "", USUAL_RATIO),
    ],
)
def test_sampler_is_a_part_of_the_batches(sampler: str, argument: str, expected: float) -> None:
    """The standard's samplers say which part of the batches is traced; without one it is a hundredth."""
    environment = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}

    assert ratio(environment) == expected


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'1' * 16}-00", "00-x-y-01"],
)
def test_context_that_is_none_is_left(text: str) -> None:
    """A header that is no context, or of what is not traced, is no link and no error."""
    assert context_of(text) is None


async def test_program_tells_all_three_signals(
    receiver: Receiver, settings_alone: Settings, tmp_path: Path
) -> None:
    """A receiver gets counters, histograms, spans, and the lines of the log with the ids of the span they were written in."""
    async with running_program(ARGV, settings_alone, tmp_path / "log") as program:
        await program.until(ready=True)
        await eventually(lambda: receiver.metrics.get("test") and receiver.spans and receiver.logs)
    metrics, [(_, span)] = receiver.metrics["test"], receiver.spans
    [line] = [line for _, line in receiver.logs if line.body.string_value == "owners.delayed"]

    assert metrics["tickmesh.tape.rejected"].sum.data_points[0].as_double == 7
    assert metrics["tickmesh.tape.rejected"].sum.is_monotonic
    assert metrics["tickmesh.latency.processed"].histogram.data_points[0].count == 1
    assert metrics["tickmesh.process.memory"].gauge.data_points[0].as_double > 1 << 20
    assert span.name == "process tape.{class}.{partition}"
    assert attributes(span)["messaging.system"] == "nats"
    assert (line.trace_id, line.span_id) == (span.trace_id, span.span_id)
    assert attributes(line)["partitions"] == 3
    assert (line.severity_text, attributes(line)["parent"].split("-")[1]) == (
        "warning",
        span.trace_id.hex(),
    )


async def test_last_words_are_told_at_the_end(
    receiver: Receiver, settings_alone: Settings, tmp_path: Path
) -> None:
    """What a program says when it stops still reaches the receiver."""
    async with running_program(ARGV, settings_alone, tmp_path / "log") as program:
        await program.until(ready=True)

    assert "service.stopped" in [line.body.string_value for _, line in receiver.logs]


async def test_program_that_nobody_asks_loads_nothing(
    settings_alone: Settings, tmp_path: Path
) -> None:
    """Without the standard's variables not one module of OpenTelemetry is loaded."""
    async with running_program(ARGV, settings_alone, tmp_path / "log") as program:
        await program.until(ready=True)
    [stopped] = program.said("service.stopped")

    assert stopped["modules"] == []


async def test_protocol_that_is_not_spoken_is_said(
    receiver: Receiver, settings_alone: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for gRPC is told over HTTP, and warned that it is so."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    async with running_program(ARGV, settings_alone, tmp_path / "log") as program:
        await program.until(ready=True)
        await eventually(lambda: receiver.spans)

    [said] = program.said("telemetry.protocol")
    assert (said["asked"], said["spoken"]) == ("grpc", "http/protobuf")


@pytest.mark.parametrize("health", ["unavailable", "hanging"])
async def test_ill_receiver_does_not_hold_up_the_end(
    receiver: Receiver,
    settings_alone: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    health: Health,
) -> None:
    """With a receiver that answers 503, or not for an hour, a program answers for its health and ends when it is told to."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")
    receiver.health = health
    async with running_program(ARGV, settings_alone, tmp_path / "log") as program:
        await program.until(ready=True)
        await eventually(lambda: receiver.refused)
        assert (await program.ask("/healthz")).json() == {"status": "ok"}

    assert len(program.said("service.stopped")) == 1
    assert (receiver.spans, receiver.logs) == ([], [])


async def test_receiver_that_recovers_is_told_what_it_missed(
    receiver: Receiver, settings_alone: Settings, tmp_path: Path
) -> None:
    """What was refused with 503 is sent again, and arrives once."""
    receiver.health = "unavailable"
    async with running_program(ARGV, settings_alone, tmp_path / "log") as program:
        await program.until(ready=True)
        await eventually(lambda: receiver.refused >= 3)
        receiver.health = "well"
        await eventually(lambda: receiver.spans and receiver.logs, timeout_s=20)

    assert len(receiver.spans) == 1


@pytest.fixture
def settings_alone() -> Settings:
    """Settings of a program that needs no broker."""
    return Settings()
