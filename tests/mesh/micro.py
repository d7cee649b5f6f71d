"""What a response of a NATS micro service must be, by the schemas of ADR-32 (`io.nats.micro.v1.*`)."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


_Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]+$", min_length=1)]
_Text = Annotated[str, Meta(min_length=1)]
_Version = Annotated[
    str, Meta(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$")
]  # fmt: skip
_Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]


class Identity(msgspec.Struct, kw_only=True):
    """What is in all three."""

    name: _Name
    id: _Text
    version: _Version
    metadata: dict[str, str] | None = None


class Ping(Identity, kw_only=True):
    """`$SRV.PING`."""

    type: Literal["io.nats.micro.v1.ping_response"]


class Endpoint(msgspec.Struct, kw_only=True):
    """An endpoint of `$SRV.INFO`."""

    name: _Name
    subject: _Text
    queue_group: str
    metadata: dict[str, str] | None = None


class Info(Identity, kw_only=True):
    """`$SRV.INFO`."""

    type: Literal["io.nats.micro.v1.info_response"]
    description: str
    endpoints: list[Endpoint]


class EndpointStats(msgspec.Struct, kw_only=True):
    """An endpoint of `$SRV.STATS`."""

    name: _Name
    subject: _Text
    queue_group: str
    num_requests: int
    num_errors: int
    last_error: str
    processing_time: int
    average_processing_time: int
    data: dict[str, Any]


class Stats(Identity, kw_only=True):
    """`$SRV.STATS`."""

    type: Literal["io.nats.micro.v1.stats_response"]
    started: _Instant
    endpoints: list[EndpointStats]
