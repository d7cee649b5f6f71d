"""Every subject, stream, bucket and key: built and parsed here, and nowhere else.

A symbol is always one token: `.` is written `/` and `:` is written `=` (`BRK.B` becomes
`BRK/B`), both legal in a NATS subject token and in a KV key. Symbols may hold letters (their
case matters: `BACpL` is a preferred share), digits, `.`, `:`, `-` and `_`, so the way back is
unambiguous.

Partitions are written with two digits (`tape.bars.07`), so that listings sort.
"""

import re
from datetime import date
from enum import StrEnum


class MarketClass(StrEnum):
    """What kind of event a stream carries: one stream a class, so that classes cannot starve each other."""

    TRADES = "trades"
    QUOTES = "quotes"
    BARS = "bars"
    MINUTES = "minutes"
    HALTS = "halts"
    OTHER = "other"
    CANARY = "canary"
    """Of no market: see `CANARY_SYMBOL`."""


class Bucket(StrEnum):
    """KV buckets. The first six are public and hold JSON; the others are internal."""

    BOARDS = "boards"
    ROWS = "rows"
    ALERTS = "alerts"
    HALTS = "halts"
    NEWS = "news"
    REFERENCE = "reference"
    DAILY = "daily"
    CURVES = "curves"
    ARTICLES = "articles"
    IMAGES = "images"
    CHECKPOINTS = "checkpoints"
    OWNERS = "owners"
    REVOKED = "revoked"
    LAYOUTS = "layouts"
    SHARED_LAYOUTS = "shared_layouts"
    CONTROL = "control"
    ANSWERS = "answers"
    KEYS = "keys"
    SIGNING = "signing"
    API_TOKENS = "api_tokens"
    SCOPES = "scopes"
    USERS = "users"
    SESSIONS = "sessions"
    LINKS = "links"
    ATTEMPTS = "attempts"
    SIGN_INS = "sign_ins"
    NATS_USERS = "nats_users"


ROWS_STREAM = "ROWS"
ALERTS_STREAM = "ALERTS"
NEWS_STREAM = "NEWS"
NEWS_TAPE_STREAM = "TAPE_NEWS"
AUDIT_STREAM = "AUDIT"
NEWS_OF_ALL = "news.market"
"""Where every article is published once, whatever it is about."""
LATEST_KEY = "latest"
"""Of KV `news`: the newest articles; no symbol is written in small letters alone."""
MAX_PARTITIONS = 100
CANARY_SYMBOL = "ZZ.CANARY"
"""A symbol of no exchange, which the mesh sends through itself to see that it arrives. It has a class of its
own, and `mesh.market` keeps its row apart from those of the market."""

_SYMBOL = re.compile(r"[A-Za-z0-9.:_-]{1,32}")
_TO_TOKEN = str.maketrans(".:", "/=")
_FROM_TOKEN = str.maketrans("/=", ".:")
_BOARD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_symbol(text: str) -> bool:
    """Whether *text* can be a symbol, and so a token of a subject."""
    return _SYMBOL.fullmatch(text) is not None


def is_board_name(text: str) -> bool:
    """Whether *text* can name a board: lower-case words joined by hyphens."""
    return _BOARD.fullmatch(text) is not None


def is_token_id(text: str) -> bool:
    """Whether *text* can be the id of a client's token, and so a key of KV `revoked`."""
    return _TOKEN_ID.fullmatch(text) is not None


def symbol_token(symbol: str) -> str:
    """The one token that stands for *symbol* in subjects and keys.

    Raises:
        ValueError: *symbol* holds a character that no symbol has.
    """
    if not is_symbol(symbol):
        raise ValueError(f"a symbol must be 1–32 letters, digits or . : _ -, was {symbol!r}")
    return symbol.translate(_TO_TOKEN)


def parse_symbol_token(token: str) -> str:
    """The symbol that *token* stands for.

    Raises:
        ValueError: no symbol is written as *token*.
    """
    symbol = token.translate(_FROM_TOKEN)
    if symbol.translate(_TO_TOKEN) != token or not is_symbol(symbol):
        raise ValueError(f"not the token of a symbol: {token!r}")
    return symbol


def tape_stream(market_class: MarketClass) -> str:
    """The stream of a class: `TAPE_BARS`."""
    return f"TAPE_{market_class.upper()}"


def tape_subject(market_class: MarketClass, partition: int) -> str:
    """Where the batches of a class and partition are published: `tape.bars.07`."""
    return f"tape.{market_class}.{partition_token(partition)}"


def parse_tape_subject(subject: str) -> tuple[MarketClass, int]:
    """The class and partition of a tape subject.

    Raises:
        ValueError: *subject* is not a tape subject.
    """
    match subject.split("."):
        case ["tape", market_class, partition]:
            return MarketClass(market_class), parse_partition_token(partition)
        case _:
            raise ValueError(f"not a tape subject: {subject!r}")


def rows_subject(partition: int) -> str:
    """Where a partition's changed rows are published: `rows.07`."""
    return f"rows.{partition_token(partition)}"


def parse_rows_subject(subject: str) -> int:
    """The partition of a rows subject.

    Raises:
        ValueError: *subject* is not a rows subject.
    """
    head, _, partition = subject.partition(".")
    if head != "rows":
        raise ValueError(f"not a rows subject: {subject!r}")
    return parse_partition_token(partition)


def positions_subject(partition: int) -> str:
    """Where the owner of a partition reports what its checkpoint covers: `positions.07`."""
    return f"positions.{partition_token(partition)}"


def heads_subject(partition: int) -> str:
    """Where a producer says how far it has come with a partition: `heads.07`."""
    return f"heads.{partition_token(partition)}"


def repair_subject(market_class: MarketClass, partition: int) -> str:
    """Where a producer answers for its batches of a class and partition: `repair.bars.07`."""
    return f"repair.{market_class}.{partition_token(partition)}"


def parse_repair_subject(subject: str) -> tuple[MarketClass, int]:
    """The class and partition of a repair subject.

    Raises:
        ValueError: *subject* is not one.
    """
    match subject.split("."):
        case ["repair", market_class, partition]:
            return MarketClass(market_class), parse_partition_token(partition)
        case _:
            raise ValueError(f"not a repair subject: {subject!r}")


def vendor_subject(what: str) -> str:
    """Where questions about symbols are answered that the vendor is asked: `vendor.company`."""
    return f"vendor.{what}"


def owner_key(group: str, slot: int) -> str:
    """The key that says who owns a slot of a group: `processors.07`."""
    return f"{group}.{partition_token(slot)}"


def parse_owner_key(key: str) -> tuple[str, int]:
    """The group and slot of an owner's key.

    Raises:
        ValueError: *key* is not one.
    """
    group, _, slot = key.partition(".")
    return group, parse_partition_token(slot)


def members_subject(group: str) -> str:
    """Where the members of a group say that they are there: `members.processors`."""
    return f"members.{group}"


def alive_subject(member: str) -> str:
    """Where a member answers whoever doubts that it is alive: `alive.{member}`."""
    return f"alive.{member}"


def partition_token(partition: int) -> str:
    """A partition as a token and as a key: `07`.

    Raises:
        ValueError: *partition* is out of range.
    """
    if not 0 <= partition < MAX_PARTITIONS:
        raise ValueError(f"a partition must be 0–{MAX_PARTITIONS - 1}, was {partition}")
    return f"{partition:02d}"


def parse_partition_token(token: str) -> int:
    """The partition that *token* names.

    Raises:
        ValueError: *token* is not two digits.
    """
    if len(token) != 2 or not (token.isascii() and token.isdigit()):  # noqa: PLR2004 (two digits, see the module's text)
        raise ValueError(f"a partition token must be two digits, was {token!r}")
    return int(token)


def bucket_stream(bucket: Bucket) -> str:
    """The stream behind a bucket: `KV_boards`."""
    return f"KV_{bucket}"


def key_subject(bucket: Bucket, key: str) -> str:
    """The subject that a put to *key* is published on: `$KV.boards.gainers`."""
    return f"$KV.{bucket}.{key}"


def parse_key_subject(subject: str) -> tuple[Bucket, str]:
    """The bucket and key of a key's subject.

    Raises:
        ValueError: *subject* is not the subject of a key.
    """
    match subject.split(".", 2):
        case ["$KV", bucket, key] if key:
            return Bucket(bucket), key
        case _:
            raise ValueError(f"not the subject of a key: {subject!r}")


def board_subject(name: str) -> str:
    """The plain subject on which the server republishes a board: `board.gainers`."""
    return f"board.{name}"


def row_subject(symbol: str) -> str:
    """The plain subject on which the server republishes a row: `row.BRK/B`."""
    return f"row.{symbol_token(symbol)}"


def alert_subject(kind: str, symbol: str) -> str:
    """Where an alert is published: `alert.high.BRK/B`."""
    return f"alert.{kind}.{symbol_token(symbol)}"


def parse_alert_subject(subject: str) -> tuple[str, str]:
    """The kind and the symbol of an alert's subject.

    Raises:
        ValueError: *subject* is not one.
    """
    prefix, _, rest = subject.partition(".")
    kind, dot, token = rest.partition(".")
    if prefix != "alert" or not kind or not dot or "." in token:
        raise ValueError(f"not the subject of an alert: {subject!r}")
    return kind, parse_symbol_token(token)


def news_subject(symbol: str) -> str:
    """Where an article is published for a symbol that it is about: `news.BRK/B`."""
    return f"news.{symbol_token(symbol)}"


def parse_news_subject(subject: str) -> str:
    """The symbol of an article's subject.

    Raises:
        ValueError: *subject* is not one.
    """
    prefix, dot, token = subject.partition(".")
    if prefix != "news" or not dot or "." in token:
        raise ValueError(f"not the subject of an article: {subject!r}")
    return parse_symbol_token(token)


def news_tape_subject(vendor: str) -> str:
    """Where articles are published as a vendor sent them: `tape.news.finlight`."""
    return f"tape.news.{vendor}"


def parse_news_tape_subject(subject: str) -> str:
    """The vendor of a subject of articles as they came.

    Raises:
        ValueError: *subject* is not one.
    """
    match subject.split("."):
        case ["tape", "news", vendor] if vendor:
            return vendor
        case _:
            raise ValueError(f"not a subject of the news tape: {subject!r}")


def latest_page_key(place: int) -> str:
    """The key of a full page of the latest articles, by its place among those that are kept: `latest.017`."""
    return f"{LATEST_KEY}.{place:03d}"


def alert_key(kind: str, symbol: str) -> str:
    """The key of the last alert of a kind that a symbol had: `high.BRK/B`."""
    return f"{kind}.{symbol_token(symbol)}"


def previous_closes_key(trading_day: str) -> str:
    """The reference key with the closes that *trading_day* (`2024-10-02`) is measured against."""
    return f"previous_closes.{trading_day}"


def loaded_parts_key(trading_day: str) -> str:
    """The reference key that says how far the bulk parts of a day have come: `parts.2024-10-02`."""
    return f"parts.{trading_day}"


def reference_day_key(trading_day: str, partition: int) -> str:
    """The daily key of what is known of a partition before a day: `2024-10-02.07`."""
    return f"{trading_day}.{partition_token(partition)}"


def parse_reference_day_key(key: str) -> tuple[str, int]:
    """The trading day and the partition of a daily key.

    Raises:
        ValueError: *key* is not one.
    """
    day, _, partition = key.partition(".")
    if date.fromisoformat(day).isoformat() != day:
        raise ValueError(f"not the key of a partition's day: {key!r}")
    return day, parse_partition_token(partition)
