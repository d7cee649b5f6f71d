"""The settings of the broker, the feeds and what is made of them; `mesh.settings` has the others."""

from typing import Annotated, Literal

import msgspec

from mesh.address import THIS_MACHINE, check_host
from mesh.declaration import about, about_port, check_days
from mesh.hours import parse_closures
from schemas.news import parse_filters


class DataSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where data comes from, and how it is worked on."""

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
    nats_ca: Annotated[
        str,
        about(
            "File with the authorities (PEM) of which one must have signed the broker's certificate; with it, or with `tls://` addresses, nothing is said in clear. Unset: those of the system"
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
    host: Annotated[
        str,
        about(
            "Address that servers of HTTP and WebSockets listen on: page, health, control plane, simulator. `0.0.0.0` is every one of this machine, as in a container; then `MESH_WS_ORIGINS` and `MESH_CONTROL_URL` say how browsers come, and the page carries no token",
            check=check_host,
        ),
    ] = THIS_MACHINE
    health_port: Annotated[
        int,
        about_port(
            "Port of a program's `/healthz`, `/readyz`, `/version`, `/status` and `/metrics`, for `mesh run`. Unset: none"
        ),
    ] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], about("Least severe log line that is written")
    ] = "info"
    container_image: Annotated[
        str, about("Image that the program runs from, shown beside its version. Unset: none")
    ] = ""
    image_version: Annotated[
        str, about("Version of that image, as its health tells it. Unset: none")
    ] = ""
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
