"""Every instrument of every program, declared once: what `/metrics` shows, what OTLP exports, and the table in TELEMETRY.md.

A program gives values by these names (`mesh.meters`); one that is not declared is a mistake. Which
program and which process a value is of, the scrape or the resource says, not an attribute. No
attribute ever holds a symbol, a user or an address.
"""

from enum import StrEnum
from typing import NamedTuple


LATENCY_S = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
"""Upper bounds of the buckets of a histogram, in seconds."""

_SUFFIX = {"s": "_seconds", "By": "_bytes"}


class Kind(StrEnum):
    """How a value behaves."""

    COUNTER = "counter"
    """Grows, from 0 when the process begins."""
    GAUGE = "gauge"
    """Is what it is now."""
    HISTOGRAM = "histogram"
    """Of durations in seconds, in the buckets of `LATENCY_S`."""


class Instrument(NamedTuple):
    """One row of the table."""

    short: str
    """What programs call it."""
    kind: Kind
    unit: str
    """Of UCUM: `s`, `By`, or what is counted in braces."""
    attributes: tuple[str, ...]
    programs: tuple[str, ...]
    about: str

    @property
    def name(self) -> str:
        """Of OpenTelemetry."""
        return f"tickmesh.{self.short}"

    @property
    def prometheus(self) -> str:
        """Of Prometheus: base units and `_total` at its end. Source: its guide to names, and the one of OpenTelemetry to both."""
        total = "_total" if self.kind is Kind.COUNTER else ""
        return f"{self.name.replace('.', '_')}{_SUFFIX.get(self.unit, '')}{total}"


EVERY = (
    "boards", "control", "listener", "news", "processors", "reference", "simulator", "widgets",
)  # fmt: skip
"""All programs that have a health port."""
ON_THE_BROKER = tuple(program for program in EVERY if program != "simulator")

_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_LISTENER, _PROCESSORS, _BOARDS = ("listener",), ("processors",), ("boards",)
_WIDGETS, _NEWS, _REFERENCE, _CONTROL = ("widgets",), ("news",), ("reference",), ("control",)
_FEEDS = ("listener", "news")
_GROUPS = ("boards", "news", "processors")

INSTRUMENTS = tuple(Instrument(*row) for row in (
    ("build.info", _G, "", ("version", "image_version"), EVERY, "1; which version this is"),
    ("process.cpu", _C, "s", (), EVERY, "CPU time of the process, user and system"),
    ("process.memory", _G, "By", (), EVERY, "Resident memory of the process"),
    ("process.start_timestamp", _G, "s", (), EVERY, "When the process began, since the epoch"),
    ("loop.lag", _H, "s", (), EVERY, "How much later than it was due the event loop came to a timer, looked at twice a second"),
    ("program.ready", _G, "", (), EVERY, "1 while `/readyz` is 200, else 0"),
    ("program.lost", _G, "", ("reason",), EVERY, "1 for each condition that keeps the program from being ready, by its name"),

    ("broker.connected", _G, "", (), ON_THE_BROKER, "1 while the connection to the broker is up, else 0"),
    ("broker.reconnects", _C, "{reconnect}", (), ON_THE_BROKER, "How often the connection came back"),
    ("broker.errors", _C, "{error}", (), ON_THE_BROKER, "What the client of the broker complained about"),
    ("broker.denied", _C, "{refusal}", (), ON_THE_BROKER, "How often the broker refused what the credentials of the program do not allow"),
    ("broker.received", _C, "By", (), ON_THE_BROKER, "Payload that came from the broker"),
    ("broker.sent", _C, "By", (), ON_THE_BROKER, "Payload that went to the broker"),
    ("credentials.expiry_timestamp", _G, "s", (), ON_THE_BROKER, "When the NATS credentials of the process end, since the epoch; absent if they do not, or there are none"),

    ("market.session", _G, "", ("session",), ("control", "listener"), "1 for the session of now by the calendar of the exchange, 0 for the others: `pre`, `regular`, `post`, `closed`"),
    ("feed.connected", _G, "", ("vendor",), _FEEDS, "1 while the vendor has confirmed channels on an open connection, else 0"),
    ("feed.wanted", _G, "", ("vendor",), _FEEDS, "1, or 0 while a person has stopped the feed"),
    ("feed.connections", _C, "{connection}", ("vendor",), _LISTENER, "Connections to the vendor that were opened"),
    ("feed.last_frame_timestamp", _G, "s", ("vendor",), _LISTENER, "When the newest frame came, since the epoch; absent before the first"),

    ("tape.received", _C, "{event}", ("class",), _LISTENER, "Events in frames of the vendor; class `unknown`: those that were rejected. Each is published, discarded or rejected"),
    ("tape.published", _C, "{event}", ("class",), _LISTENER, "Events in batches that were numbered and sent"),
    ("tape.discarded", _C, "{event}", ("class",), _LISTENER, "Events that were dropped because the pipeline was too slow, too large a batch, or at the end"),
    ("tape.rejected", _C, "{event}", (), _LISTENER, "Events that were malformed, contradicted themselves or lay in the future"),
    ("tape.unstored", _C, "{event}", ("class",), _LISTENER, "Events that no stream has acknowledged; whoever listened has heard them"),
    ("tape.waiting", _G, "By", (), _LISTENER, "Frames that have come and are not published yet"),
    ("tape.resent", _C, "{batch}", (), _LISTENER, "Batches that a lossless feed sent again"),
    ("tape.repaired", _C, "{batch}", (), _LISTENER, "Batches that owners asked for again and got"),
    ("latency.received", _H, "s", (), _LISTENER, "From the time of the oldest event of a batch, by the vendor's clock, to its arrival; of events of the last hour alone"),

    ("fold.heard", _C, "{event}", ("class",), _PROCESSORS, "Events that came or were missed. Each is folded, late, discarded, rejected or a duplicate"),
    ("fold.folded", _C, "{event}", ("class",), _PROCESSORS, "Events that rows are made of"),
    ("fold.late", _C, "{event}", ("class",), _PROCESSORS, "Events that came too late or twice, and have no effect"),
    ("fold.discarded", _C, "{event}", ("class",), _PROCESSORS, "Events that were lost for good: the owner was too slow, or nothing holds them any more"),
    ("fold.duplicates", _C, "{event}", ("class",), _PROCESSORS, "Events in batches that were folded already, or are of a producer that was replaced"),
    ("fold.rejected", _C, "{batch}", (), _PROCESSORS, "Messages that could not be read; their events count as discarded once the next batch says how many they were"),
    ("fold.gaps", _C, "{gap}", ("reason",), _PROCESSORS, "Times that batches were missing: `missed`, and asked for; `lost`, and given up; `dropped`, because the owner was too slow"),
    ("partitions", _G, "{partition}", (), _PROCESSORS, "How many partitions the mesh has"),
    ("partition.owned", _G, "", ("partition",), _PROCESSORS, "1 for each partition that this process owns"),
    ("partition.lag", _G, "s", ("partition",), _PROCESSORS, "Since when the oldest batch that waits to be folded has been here, from its arrival at the listener; 0 if none waits"),
    ("partition.waiting", _G, "By", ("partition",), _PROCESSORS, "Batches that wait to be folded"),
    ("partition.checkpoint_timestamp", _G, "s", ("partition",), _PROCESSORS, "When the newest checkpoint was written, since the epoch"),
    ("rows.unstored", _C, "{batch}", (), _PROCESSORS, "Batches of rows that the stream has not acknowledged"),
    ("rows.flushes", _C, "{flush}", (), _PROCESSORS, "Batches of rows that were published"),
    ("alerts.unsent", _G, "{alert}", (), _PROCESSORS, "Alerts that are not known to be stored"),
    ("latency.processed", _H, "s", (), _PROCESSORS, "From the arrival of the oldest event of a flush at the listener to the rows that were published"),
    ("group.held", _G, "{slot}", (), _GROUPS, "Slots of its group that this process holds"),
    ("group.drained", _G, "", (), _GROUPS, "1 while a person has drained the process, else 0"),

    ("boards.active", _G, "", (), _BOARDS, "1 in the process that ranks, 0 in those that stand by"),
    ("boards.symbols", _G, "{symbol}", (), _BOARDS, "Symbols in the market table"),
    ("boards.puts", _C, "{board}", (), _BOARDS, "Boards that were put into KV"),
    ("board.paused", _G, "", ("board",), _BOARDS, "1 while a person wants the board to stay as it is, else 0"),
    ("board.last_put_timestamp", _G, "s", ("board",), _BOARDS, "When the board was put last, since the epoch; absent in a process that has not put it"),

    ("widgets.clients", _G, "{client}", (), _WIDGETS, "Clients that are connected"),
    ("widgets.served", _C, "{client}", (), _WIDGETS, "Clients that have come"),
    ("widgets.closed", _C, "{client}", ("code",), _WIDGETS, "Connections that the service ended, by code"),
    ("widgets.frames", _C, "{frame}", (), _WIDGETS, "Frames that were sent"),
    ("widgets.sent", _C, "By", (), _WIDGETS, "Frames that were sent"),
    ("widgets.recoveries", _C, "{subscription}", ("verdict",), _WIDGETS, "Clients that came back to a feed: `replayed` from where they were, or given a `snapshot`; `refused`: the feed is not there, or not theirs"),
    ("widgets.conflated", _C, "{update}", (), _WIDGETS, "Updates that were never frames of their own, because the client took the one before late"),
    ("widgets.slow", _G, "{client}", (), _WIDGETS, "Clients that have no room for more"),
    ("widgets.updates", _C, "{board}", (), _WIDGETS, "Boards that came from KV"),
    ("widgets.rejected", _C, "{value}", (), _WIDGETS, "Values of boards, alerts, halts and news that were none"),
    ("widgets.failures", _C, "{client}", (), _WIDGETS, "Clients that were ended by a mistake of the service"),
    ("widgets.stale", _G, "", (), _WIDGETS, "1 while what is served is not known to be up to date, else 0"),
    ("widgets.drained", _G, "", (), _WIDGETS, "1 while the process sends its clients elsewhere, else 0"),
    ("latency.delivered", _H, "s", (), _WIDGETS, "From the arrival of the oldest event of a change at the listener to a frame with it at a client's socket; once a round of clients"),

    ("news.received", _C, "{article}", (), _NEWS, "Articles that came from the vendors"),
    ("news.published", _C, "{article}", (), _NEWS, "Articles that a stream has acknowledged as they came"),
    ("news.discarded", _C, "{article}", (), _NEWS, "Articles that were given up"),
    ("news.unreadable", _C, "{article}", (), _NEWS, "What came and was no article"),
    ("news.articles", _C, "{article}", ("verdict",), _NEWS, "Articles that were worked on, by what they turned out to be"),
    ("news.rejected", _C, "{article}", (), _NEWS, "Articles in the stream that could not be read"),

    ("reference.calls", _C, "{call}", ("reason",), _REFERENCE, "Calls of the vendor's REST API: `loading` what is known of a day, or for `people` who asked"),
    ("reference.failures", _C, "{call}", ("reason",), _REFERENCE, "Those that failed"),
    ("reference.budget", _G, "{call}", (), _REFERENCE, "Calls a minute that may be made"),
    ("reference.days", _G, "{day}", (), _REFERENCE, "Trading days that are loaded"),
    ("reference.missing", _G, "{day}", (), _REFERENCE, "Trading days that are wanted and not loaded"),
    ("reference.symbols", _G, "{symbol}", (), _REFERENCE, "Symbols of the newest day"),
    ("reference.answered", _C, "{question}", (), _REFERENCE, "Questions about companies and historic bars that were answered"),

    ("control.actions", _C, "{action}", ("action", "verdict"), _CONTROL, "What people did with accounts, tokens, layouts and sessions, as the audit has it (`sign-in`, …): `done`, `refused` or `failed`"),
    ("control.requests", _C, "{request}", ("code",), _CONTROL, "Requests that were answered, by the class of the status: `2xx`, `4xx`, `5xx`"),
    ("canary.state", _G, "", ("verdict",), _CONTROL, "1 for what canaries say of the mesh: `well`, `missing`, `starting`, `off`; 0 for the others"),
    ("canary.journey", _G, "s", ("leg",), _CONTROL, "How long the newest canary that arrived took: `stored`, `row`, `kv`, `socket`; absent before the first"),
    ("canary.last_timestamp", _G, "s", (), _CONTROL, "When the newest canary was sent that was seen everywhere, since the epoch; absent before the first"),
))  # fmt: skip

BY_NAME = {instrument.short: instrument for instrument in INSTRUMENTS}
