"""What persons want of the mesh while it runs: the values of KV `control`, one key a thing.

A key is `{kind}.{name}`: `feed.massive`, `board.gainers`, `worker.{instance}`. Programs follow the
keys that are theirs and obey. What a value leaves out (null) is as the settings say.
"""

import re
from typing import Literal

from schemas.wire import Decoder, Wire, json_decoder


FeedName = Literal["massive", "finlight"]
ProgramName = Literal["reference", "processors", "boards", "widgets", "control", "news", "listener"]
"""The simulator is no part of the mesh."""
MarketName = Literal["stocks", "options", "indices", "crypto", "forex"]
AnyMarket = Literal[MarketName, ""]
"""A market, or the one of the settings."""
Level = Literal["debug", "info", "warning", "error"]

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")
_CHANNEL = re.compile(r"[A-Z]{1,8}\.(\*|[A-Za-z0-9.:_-]{1,32})")
_VENDORS = (".massive.com", ".polygon.io")
_THIS_MACHINE = ("127.0.0.1", "localhost")


class Wanted(Wire, frozen=True, kw_only=True):
    """What is common to all: who wanted it, and since when."""

    by: str = ""
    """Empty: nobody has wanted anything; it is as the settings say."""
    at_ms: int = 0


class FeedWanted(Wanted, frozen=True, kw_only=True):
    """`feed.{vendor}`."""

    running: bool = True
    restarts: int = 0
    """How often somebody wanted a new connection."""
    channels: str | None = None
    host: str | None = None
    market: MarketName | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be followed, whoever wrote it."""
        if self.channels is not None:
            check_channels(self.channels)
        if self.host is not None:
            check_host(self.host)


class BoardWanted(Wanted, frozen=True, kw_only=True):
    """`board.{name}`: one that is paused keeps the value that it has."""

    paused: bool = False


class DrainWanted(Wanted, frozen=True, kw_only=True):
    """`worker.{instance}` and `widgets.{instance}`: one that is drained gives its work to others, and stands by."""

    drained: bool = False


class LevelWanted(Wanted, frozen=True, kw_only=True):
    """`log.{program}`."""

    level: Level | None = None


class RebalanceWanted(Wanted, frozen=True, kw_only=True):
    """`rebalance.{group}`."""

    times: int = 0


KINDS: dict[str, type[Wanted]] = {
    "feed": FeedWanted,
    "board": BoardWanted,
    "worker": DrainWanted,
    "widgets": DrainWanted,
    "log": LevelWanted,
    "rebalance": RebalanceWanted,
}
"""What is wanted, by the first token of the key."""

_DECODERS: dict[str, Decoder[Wanted]] = {name: json_decoder(kind) for name, kind in KINDS.items()}


def decode_wanted(kind: str, value: bytes | None) -> Wanted:
    """The value of a key of *kind*; what the settings say if there is none.

    Raises:
        DecodeError: *value* is not what was declared.
    """
    return _DECODERS[kind].decode(value) if value is not None else KINDS[kind]()


def check_channels(text: str) -> str:
    """*text* as a list of channels, without spaces.

    Raises:
        ValueError: it is none.
    """
    channels = [channel.strip() for channel in text.split(",") if channel.strip()]
    strange = [channel for channel in channels if not _CHANNEL.fullmatch(channel)]
    if strange or not channels:
        raise ValueError(
            f"channels must be a list such as A.*,T.AAPL, was {strange[0] if strange else text!r}"
        )
    return ",".join(dict.fromkeys(channels))


def check_host(text: str) -> str:
    """*text* as the host of a feed: the vendor's own, or this machine, for the key of the vendor is sent there.

    Raises:
        ValueError: it is none.
    """
    name = text.partition(":")[0].lower()
    is_known = name.endswith(_VENDORS) or name in _THIS_MACHINE
    if not _HOST.fullmatch(text) or not is_known:
        raise ValueError(
            f"the host of a feed must be one of the vendor's (delayed.massive.com) or 127.0.0.1:PORT, was {text[:100]!r}: "
            "the vendor's key is sent there. For any other set MESH_FEED and start the listener again"
        )
    return text.lower()
