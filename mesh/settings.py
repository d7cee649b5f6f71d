"""Every setting, declared once.

Each field of `Settings` is one variable (`nats_url` is `MESH_NATS_URL`); the table in the README
and `mesh config` are made from this declaration.
"""

from typing import Annotated, Literal

import msgspec

from mesh.address import parse_origins
from mesh.declaration import (
    about,
    about_port,
    check_days,
    check_public,
    check_speed,
    check_start,
    declared,
)
from mesh.hours import parse_closures
from schemas.news import parse_filters


MOST_SESSION_H = 30 * 24
"""As long as KV `sessions` remembers."""
KEY_CHARACTERS = 32
"""Of a key that signs tokens, at least: what is shorter can be guessed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting with its type, limits, default and purpose."""

    nats_url: Annotated[
        str,
        about(
            "Broker to use, or all of a cluster, separated by commas. Unset: `mesh up` starts an embedded one, `mesh run` uses `nats://127.0.0.1:4222`",
            url=True,
        ),
    ] = ""
    nats_creds: Annotated[
        str,
        about(
            "File with the credentials of this program's NATS user, as `mesh nats-keys` makes it. Unset: none; `mesh up` gives each program its own for the embedded broker"
        ),
    ] = ""
    nats_issuer: Annotated[
        str,
        about(
            "Folder `issuer` of what `mesh nats-keys` makes, with which the control plane hands out NATS credentials and takes them back. Unset: it cannot; `mesh up` gives it that of the embedded broker"
        ),
    ] = ""
    nats_port: Annotated[
        int, about_port("Port of the embedded broker. Unset: 4222, or a free one if that is taken")
    ] = 0
    replicas: Annotated[
        int,
        about(
            "Servers of a cluster that hold each stream and bucket, at least. `mesh up --nodes N` sets 3, or N if that is less",
            ge=1,
            le=5,
        ),
    ] = 1
    data_dir: Annotated[
        str,
        about(
            "Where the embedded broker keeps its state, and `mesh up` its logs. "
            "Unset: `.mesh/live`, `.mesh/tape` or `.mesh/simulated`"
        ),
    ] = ""
    port: Annotated[
        int,
        about_port("Port of the page and of `/ws`. Unset: 8080, or a free one if that is taken"),
    ] = 0
    health_port: Annotated[
        int,
        about_port(
            "Port of a program's `/healthz`, `/readyz` and `/version`, for `mesh run`. Unset: none"
        ),
    ] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], about("Least severe log line that is written")
    ] = "info"
    partitions: Annotated[
        int,
        about("Number of partitions; fixed once a broker's state was used with it", ge=1, le=100),
    ] = 16

    api_key: Annotated[
        str,
        about(
            "Key of the Massive feed and REST API. Unset: `POLYGON_API_KEY`, else the content of the file below; without any `mesh up` uses the simulator",
            "MASSIVE_API_KEY",
            secret=True,
        ),
    ] = ""
    api_key_file: Annotated[
        str,
        about("File with the key, as secrets are mounted; one that is not there counts as unset"),
    ] = "/app/massive_api_key.txt"
    feed: Annotated[str, about("Host, or host:port, of the Massive WebSocket feed")] = (
        "socket.massive.com"
    )
    feed_tls: Annotated[bool, about("Whether the feed is spoken to over TLS")] = True
    rest_url: Annotated[str, about("Base address of the Massive REST API", url=True)] = (
        "https://api.massive.com"
    )
    subscriptions: Annotated[str, about("Channels to subscribe to, separated by commas")] = (
        "A.*,AM.*,T.*,Q.*,LULD.*"
    )
    prints: Annotated[
        Literal["trades", "bars"],
        about(
            "What windows, speeds and alerts are made of: `bars` (second bars) for a feed without trades"
        ),
    ] = "trades"
    finlight_key: Annotated[
        str,
        about(
            "Key of the news vendor Finlight. Unset: the content of the file below; without any its articles are not asked for",
            "FINLIGHT_API_KEY",
            secret=True,
        ),
    ] = ""
    finlight_key_file: Annotated[
        str,
        about("File with that key, as secrets are mounted; one that is not there counts as unset"),
    ] = "/app/finlight_api_key.txt"
    finlight_url: Annotated[
        str, about("Address of Finlight's WebSocket, without `/raw`", url=True)
    ] = "wss://wss.finlight.me"
    finlight_mode: Annotated[
        Literal["enhanced", "raw"],
        about(
            "Articles with companies and sentiment, or `raw` ones: sooner, and their symbols are read off the text"
        ),
    ] = "enhanced"
    finlight_filters: Annotated[
        str,
        about(
            'Which articles Finlight is asked for, a JSON object: `query`, `tickers`, `sources`, `exclude_sources`, `opt_in_sources`, `language`, `countries`, `categories` (`{"tickers": ["AAPL"], "language": "en"}`)',
            check=parse_filters,
        ),
    ] = '{"language": "en"}'
    massive_news_s: Annotated[
        int,
        about(
            "How often Massive is asked for its newest articles, in seconds; 0: never",
            ge=0,
        ),
    ] = 10
    source: Annotated[
        Literal["live", "tape", "simulated"], about("What the page says about the data")
    ] = "live"
    lossless: Annotated[
        bool,
        about(
            "Hold the feed back instead of dropping the oldest data when the pipeline is slow: for tapes only"
        ),
    ] = False
    queue_mb: Annotated[
        int,
        about(
            "Frames that the listener holds while the broker is away, in MB; beyond it the oldest are dropped",
            ge=1,
        ),
    ] = 64
    intake_kb: Annotated[
        int,
        about(
            "Batches that wait for the owner of a partition while it is behind, in KB; beyond it the oldest are dropped",
            ge=16,
        ),
    ] = 4096
    ring_mb: Annotated[
        int,
        about(
            "Batches of the last 10 s that the listener of a live feed holds for owners that missed some, in MB at most",
            ge=1,
        ),
    ] = 128
    window_events: Annotated[
        int,
        about(
            "Events of a lossless feed that may be on their way between listener and checkpoints",
            ge=1000,
        ),
    ] = 400_000
    reference_days: Annotated[
        str,
        about(
            "Trading days (ISO dates, separated by commas) to load reference data for. Unset: today, and each next one before 04:00",
            check=check_days,
        ),
    ] = ""
    closures: Annotated[
        str,
        about(
            "Days that differ from the exchange's published calendar: dates on which the market is closed, or dates with the time in New York at which it closes (`2025-01-09,2026-11-27T14:00`). The same for all programs",
            check=parse_closures,
        ),
    ] = ""

    reference_history: Annotated[
        int,
        about(
            "Trading days before a day that its averages and prior highs and lows are made of, one REST call each",
            ge=1,
            le=1000,
        ),
    ] = 252
    reference_calls: Annotated[
        int, about("REST calls a minute that the reference program may make", ge=1)
    ] = 300
    reference_cache_mb: Annotated[
        int,
        about(
            "Answers of the vendor about companies and historic bars that the reference program holds, in MB at most",
            ge=1,
        ),
    ] = 64
    reference_curves: Annotated[
        int,
        about(
            "Symbols, by dollar volume, that volume curves are loaded for, one REST call each a day",
            ge=0,
        ),
    ] = 20_000

    rows_flush_ms: Annotated[int, about("How often a processor publishes changed rows", ge=10)] = (
        200
    )
    rows_kv_ms: Annotated[
        int, about("How often a changed row is put into KV `rows`, at most", ge=100)
    ] = 1000
    checkpoint_ms: Annotated[int, about("How often a processor writes its checkpoints", ge=50)] = (
        1000
    )
    image_ms: Annotated[
        int, about("How often a processor writes the image of all rows of a partition", ge=100)
    ] = 2000
    board_flush_ms: Annotated[
        int, about("How often boards are ranked and put into KV `boards`", ge=10)
    ] = 250
    board_min_usd: Annotated[
        float, about("Symbols whose last price is lower are on no board, in US dollars", ge=0)
    ] = 0.0
    board_min_shares: Annotated[
        int, about("Symbols with less volume on the day are on no board, in shares", ge=0)
    ] = 0
    board_top: Annotated[int, about("Rows of a board in KV `boards`", ge=1, le=500)] = 100

    boards: Annotated[
        str,
        about(
            "A further Python package of boards, a file each as in `services/scanners`, somewhere on `PYTHONPATH`. Unset: none",
            pattern=r"\A[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z",
        ),
    ] = ""

    token_key: Annotated[
        str,
        about(
            "Key that signs and proves tokens, 32 characters at least, random ones. Unset: the content of the file below; without any `widgets` makes one up that nobody knows",
            secret=True,
            min_length=KEY_CHARACTERS,
        ),
    ] = ""
    token_key_file: Annotated[
        str,
        about(
            "File with the key of tokens, as secrets are mounted; one that is not there counts as unset"
        ),
    ] = "/app/mesh_token_key.txt"  # noqa: S105 (a path, not a key)
    ws_auth: Annotated[
        Literal["token", "none"],
        about(
            "Whether a client of the Widget Data Service needs a token; `none` shows everything to everybody who reaches the port"
        ),
    ] = "token"
    ws_origins: Annotated[
        str,
        about(
            "Origins of the pages that may connect, exactly as browsers send them (`https://desk.example.com`), separated by commas. Unset: the page's own",
            check=parse_origins,
        ),
    ] = ""
    ws_clients: Annotated[int, about("Connections of clients at a time, at most", ge=1)] = 10_000
    ws_per_user: Annotated[int, about("Connections of one user at a time, at most", ge=1)] = 32
    ws_per_address: Annotated[
        int, about("Connections from one address at a time, at most", ge=1)
    ] = 256
    ws_page_token: Annotated[
        bool,
        about(
            "Whether the page carries a token that shows everything to whoever opens it on this machine; `mesh up` sets it"
        ),
    ] = False
    ws_flush_ms: Annotated[
        int, about("How often the Widget Data Service makes its tables of the market", ge=10)
    ] = 100
    ws_frames_per_s: Annotated[
        int,
        about(
            "Frames a second that a client may send; for a moment twice as many", ge=1, le=10_000
        ),
    ] = 100

    ws_questions: Annotated[
        int,
        about(
            "Questions about companies and historic bars that a user may ask a minute; a third of them at once",
            ge=3,
        ),
    ] = 300

    control_port: Annotated[
        int,
        about_port("Port of the control plane. Unset: 8081, or a free one if that is taken"),
    ] = 0
    control_url: Annotated[
        str,
        about(
            "Address of the control plane as browsers reach it, where a proxy with TLS is before it (`https://control.example.com`). Unset: this machine and the port",
            check=check_public,
        ),
    ] = ""
    control_origins: Annotated[
        str,
        about(
            "Origins of further pages that may ask the control plane in the name of whoever is signed in. Unset: the desk of this machine",
            check=parse_origins,
        ),
    ] = ""
    session_idle_min: Annotated[
        int,
        about(
            "Minutes without a request after which a session of the control plane ends",
            ge=1,
            le=MOST_SESSION_H * 60,
        ),
    ] = 60
    session_h: Annotated[
        int,
        about("Hours after which a session ends, whatever is done in it", ge=1, le=MOST_SESSION_H),
    ] = 24
    self_registration: Annotated[
        bool,
        about("Whether anybody who reaches the control plane may make an account, as a viewer"),
    ] = False

    sim_port: Annotated[int, about_port("Port of the simulator's WebSocket feed")] = 8765
    sim_rest_port: Annotated[int, about_port("Port of the simulator's REST API")] = 8766
    sim_key: Annotated[str, about("The one API key that the simulator accepts")] = "simulator"
    sim_tape: Annotated[
        str,
        about(
            "Files or folders of a recorded tape, joined by `:` (the system's path separator). Unset: the synthetic market"
        ),
    ] = ""
    sim_speed: Annotated[
        str,
        about(
            "How much faster than real time the simulator plays: a number, or `max` for as fast as it is read",
            pattern=r"\A(max|[0-9]+(\.[0-9]+)?)\Z",
            check=check_speed,
        ),
    ] = "1"
    sim_seed: Annotated[int, about("Seed of the synthetic market: same seed, same bytes")] = 1
    sim_symbols: Annotated[
        int, about("Number of symbols of the synthetic market", ge=10, le=20_000)
    ] = 10_000
    sim_start: Annotated[
        str,
        about(
            "Where the synthetic market begins, New York time",
            pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\Z",
            check=check_start,
        ),
    ] = "2026-01-05T09:29:40"

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """As in the table: a traceback or a log line must not give a secret away."""
        shown = (f"{setting.field}={setting.shown(self)!r}" for setting in SETTINGS)
        return f"Settings({', '.join(shown)})"


SETTINGS = tuple(declared(Settings))
"""Every setting, in the order of declaration."""
