"""What each program, and each person, may publish and subscribe to: the least that it works with.

There are two worlds. The *programs* share one account with the streams. *External* users (people and
tools that read) have an account of their own, into which the public subjects are let, and requests
that change nothing are let out: a direct get, the description of a public stream, `PING`, `INFO` and
`STATS` of the programs. The boundary is there because permissions alone do not hold a reader: the server answers a request at whatever
reply subject it names, with its own rights. In the account of the streams, who may only read a
bucket can so have one value written over another (tried: a direct get with `$KV.boards.gainers` for
its reply subject is stored there), and who may make consumers can have them deliver anywhere. In an
account of their own such an answer meets no stream and no program. That is also why external users
get no consumers at all: a consumer delivers into the account of its stream. What they would be used
for, the plain subjects and batched direct gets do.

For the same reason the programs, which need direct gets and consumers, are held by this table
against mistakes and against most of what a captured one could do, not against that detour.

Rules of the table:
- An inbox of one's own, `_INBOX_{program}`, that no other may subscribe to. Who answers others may
  publish to the inboxes of those who ask, by name; the server's `allow_responses` would let an
  answer go wherever a request says, and costs a look through thousands of remembered replies for
  each message once a subscriber of the tape has as many.
- Nothing is denied, everything else is not allowed: a denial of subscriptions would be looked at
  for each message that is delivered.
- A stream of memory is gone after the restart of a single broker, so whoever keeps the topology may
  create those again, and no other; the server refuses to create one that is there with another
  definition. Nobody but `admin` may update, purge or delete one.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.alert import AlertKind
from schemas.control_naming import audit_subject, control_key
from schemas.naming import (
    ALERTS_STREAM,
    AUDIT_STREAM,
    CANARY_SYMBOL,
    NEWS_OF_ALL,
    NEWS_STREAM,
    NEWS_TAPE_STREAM,
    ROWS_STREAM,
    Bucket,
    MarketClass,
    alert_subject,
    alive_subject,
    bucket_stream,
    heads_subject,
    key_subject,
    members_subject,
    news_subject,
    news_tape_subject,
    owner_key,
    positions_subject,
    repair_subject,
    row_subject,
    rows_subject,
    tape_stream,
    tape_subject,
    vendor_subject,
)


ADMIN = "admin"
"""Who applies the topology and looks after the mesh."""
SMOKE = "smoke"
"""Who proves after a deployment that everything runs, in the version that it should."""
READER = "reader"
"""The external user of this machine, made with every set of keys."""
INBOX = "_INBOX"
"""Of `admin` and `reader`: what every client of NATS takes without being told."""
DOMAIN = "mesh"
"""Under which external users find the API of the streams: `nats --js-domain mesh`."""
PUBLIC = (Bucket.BOARDS, Bucket.ROWS, Bucket.ALERTS, Bucket.HALTS, Bucket.NEWS, Bucket.REFERENCE)
"""Buckets that whoever may read at all may read."""
PUBLIC_SUBJECTS = ("board.>", "row.>", "range.>", "halt.>", "alert.>", "news.>", "md.>")
"""Where what is public is published plainly."""
MEMORY_STREAMS = (ROWS_STREAM, *map(tape_stream, MarketClass))
"""Those that a single broker loses when it restarts."""

_ANSWERS = "_R_.>"
"""Where the answers to requests out of another account go."""
_SERVICES = ("$SRV.PING", "$SRV.INFO", "$SRV.STATS")
"""What programs tell of themselves. Source: ADR-32 of the server."""
_AUDIT = f"{audit_subject('any').rpartition('.')[0]}.>"
_PARTITIONS = key_subject(Bucket.CHECKPOINTS, "partitions")


class Permissions(NamedTuple):
    """What a user may do. Subjects may hold wildcards; none is in both without a reason."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox(program: str) -> str:
    """The prefix of the inboxes of a program."""
    return INBOX if program in (ADMIN, READER) else f"{INBOX}_{program}"


def external(inbox_prefix: str) -> Permissions:
    """Of a user that reads, within the account for those."""
    publish = (*(subject.replace(*_TO_DOMAIN) for subject in readable()),)
    return Permissions(publish, (*PUBLIC_SUBJECTS, f"{inbox_prefix}.>"))


def readable() -> tuple[str, ...]:
    """Requests that are let out of the account of external users, as the programs' account has them."""
    streams = (*map(bucket_stream, PUBLIC), ALERTS_STREAM, NEWS_STREAM)
    asked = (subject for stream in streams for subject in (*_gets(stream), _info(stream)))
    services = (subject for each in _SERVICES for subject in (each, f"{each}.>"))
    return (*asked, *services)


def in_domain(subject: str) -> str:
    """What external users call a subject of `readable`."""
    return subject.replace(*_TO_DOMAIN)


_TO_DOMAIN = ("$JS.API", f"$JS.{DOMAIN}.API")


def _every(subject: str) -> str:
    """*subject* with any last token."""
    return f"{subject.rpartition('.')[0]}.*"


def _gets(stream: str) -> tuple[str, ...]:
    return (f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.DIRECT.GET.{stream}.>")


def _info(stream: str) -> str:
    return f"$JS.API.STREAM.INFO.{stream}"


def _reads(*buckets: Bucket) -> Iterator[str]:
    for bucket in buckets:
        yield from _gets(bucket_stream(bucket))


def _watches(*buckets: Bucket) -> Iterator[str]:
    for bucket in buckets:
        stream = bucket_stream(bucket)
        yield from _gets(stream)
        # Without a name in the subject: the client leaves it to the server, and deletes none.
        yield f"$JS.API.CONSUMER.CREATE.{stream}"
        yield f"$JS.FC.{stream}.>"


def _writes(*buckets: Bucket) -> Iterator[str]:
    for bucket in buckets:
        yield key_subject(bucket, ">")


def _follows(stream: str) -> Iterator[str]:
    yield from (*_gets(stream), _info(stream))


def _keeps_topology() -> Iterator[str]:
    yield _info("*")
    yield from (f"$JS.API.STREAM.CREATE.{stream}" for stream in MEMORY_STREAMS)


def _claims_partitions() -> Iterator[str]:
    yield _PARTITIONS
    yield f"$JS.API.DIRECT.GET.{bucket_stream(Bucket.CHECKPOINTS)}.{_PARTITIONS}"


def _reads_market() -> Iterator[str]:
    yield from (*_reads(Bucket.IMAGES), *_gets(ROWS_STREAM))


def _member(group: str) -> Permissions:
    """Of a member of a group; it answers the others, and an admin who asks."""
    alive, members = alive_subject("*"), members_subject(group)
    own = key_subject(Bucket.OWNERS, owner_key(group, 0))
    publish = (members, alive, _every(own), *_watches(Bucket.OWNERS), f"{inbox(group)}.>")
    return Permissions(publish, (members, alive))


def _obeys(program: str, *kinds: str) -> Iterator[str]:
    """To follow what persons want, to write it for whoever asks for it here, and to say so in the audit."""
    yield from _watches(Bucket.CONTROL)
    yield key_subject(Bucket.CONTROL, control_key("log", program))
    yield from (key_subject(Bucket.CONTROL, f"{kind}.*") for kind in kinds)
    for kind in ("log", *kinds):
        yield from (audit_subject(kind), f"{audit_subject(kind)}.>")


def _program(
    name: str,
    publish: Iterable[str],
    subscribe: Iterable[str],
    *parts: Permissions,
    kinds: Iterable[str] = (),
) -> Permissions:
    """What every program may do, and these beside; *kinds* of what persons want are asked for here."""
    asked_by = (f"{inbox(ADMIN)}.>", f"{inbox('control')}.>", f"{inbox(SMOKE)}.>", _ANSWERS)
    may_publish = {
        "$JS.API.INFO": None,
        **dict.fromkeys((*asked_by, *_obeys(name, *kinds), *publish)),
    }
    told = [
        subject for each in _SERVICES for subject in (each, f"{each}.{name}", f"{each}.{name}.*")
    ]
    may_hear = dict.fromkeys((f"{inbox(name)}.>", *told, f"ctl.{name}.>", *subscribe))
    for part in parts:
        may_publish |= dict.fromkeys(part.publish)
        may_hear |= dict.fromkeys(part.subscribe)
    return Permissions((*may_publish,), (*may_hear,))


_CANARY = _every(tape_subject(MarketClass.CANARY, 0))
_OF_MARKETS = tuple(each for each in MarketClass if each is not MarketClass.CANARY)
_TAPES = tuple(_every(tape_subject(each, 0)) for each in _OF_MARKETS)
_REPAIRS = tuple(_every(repair_subject(each, 0)) for each in MarketClass)
_ALERTS = tuple(_every(alert_subject(kind, "A")) for kind in AlertKind)
_ROWS = _every(rows_subject(0))
_NEWS_TAPE = _every(news_tape_subject("any"))
_ARTICLES = _every(news_subject("A"))

_LISTENER = _program(
    "listener",
    (
        *_TAPES, _every(heads_subject(0)), f"{inbox('processors')}.>",
        *_keeps_topology(), *_claims_partitions(),
    ),
    (_every(positions_subject(0)), "repair.*.*"),
    kinds=("feed",),
)  # fmt: skip

_PROCESSORS = _program(
    "processors",
    (
        _ROWS, _every(positions_subject(0)), *_REPAIRS, *_ALERTS,
        *_writes(Bucket.ROWS, Bucket.IMAGES, Bucket.HALTS, Bucket.ALERTS, Bucket.CHECKPOINTS),
        *_reads(Bucket.IMAGES, Bucket.HALTS, Bucket.ALERTS, Bucket.CHECKPOINTS),
        *_watches(Bucket.REFERENCE, Bucket.DAILY, Bucket.CURVES),
        *(subject for each in MarketClass for subject in _gets(tape_stream(each))),
        *_follows(NEWS_STREAM), *_keeps_topology(),
    ),
    (*_TAPES, _CANARY, _every(heads_subject(0)), NEWS_OF_ALL),
    _member("processors"),
    kinds=("worker", "rebalance"),
)  # fmt: skip

_BOARDS = _program(
    "boards",
    (
        *_writes(Bucket.BOARDS), *_reads(Bucket.BOARDS), *_reads_market(),
        *_keeps_topology(), *_claims_partitions(),
    ),
    (_ROWS,),
    _member("boards"),
    kinds=("board",),
)  # fmt: skip

_REFERENCE = _program(
    "reference",
    (
        *_writes(Bucket.REFERENCE, Bucket.DAILY, Bucket.CURVES),
        *_reads(Bucket.REFERENCE, Bucket.DAILY, Bucket.CURVES), *_watches(Bucket.BOARDS),
        f"{inbox('widgets')}.>", *_keeps_topology(),
    ),
    (vendor_subject("*"),),
)  # fmt: skip

_NEWS = _program(
    "news",
    (
        _NEWS_TAPE, _ARTICLES, *_writes(Bucket.ARTICLES, Bucket.NEWS),
        *_reads(Bucket.ARTICLES, Bucket.NEWS), *_watches(Bucket.DAILY),
        *_follows(NEWS_STREAM), *_keeps_topology(),
        f"$JS.API.CONSUMER.CREATE.{NEWS_TAPE_STREAM}.news",
        f"$JS.API.CONSUMER.MSG.NEXT.{NEWS_TAPE_STREAM}.news",
        f"$JS.ACK.{NEWS_TAPE_STREAM}.news.>",
    ),
    (NEWS_OF_ALL,),
    _member("news"),
    kinds=("feed",),
)  # fmt: skip

_WIDGETS = _program(
    "widgets",
    (
        *_reads_market(), *_watches(Bucket.BOARDS, Bucket.HALTS, Bucket.REVOKED, Bucket.ROWS, Bucket.KEYS),
        *_follows(ALERTS_STREAM), *_follows(NEWS_STREAM), _info(bucket_stream(Bucket.BOARDS)),
        _info(bucket_stream(Bucket.ROWS)), _info(bucket_stream(Bucket.HALTS)),
        *_writes(Bucket.LAYOUTS), *_reads(Bucket.LAYOUTS), vendor_subject("*"),
    ),
    (_ROWS, "alert.*.*", _ARTICLES, _every(tape_subject(MarketClass.TRADES, 0))),
    kinds=("widgets",),
)  # fmt: skip

_OF_CONTROL = (
    Bucket.USERS, Bucket.SESSIONS, Bucket.LINKS, Bucket.ATTEMPTS, Bucket.SIGN_INS, Bucket.KEYS, Bucket.SIGNING,
    Bucket.API_TOKENS, Bucket.SCOPES, Bucket.REVOKED, Bucket.CONTROL, Bucket.ANSWERS, Bucket.LAYOUTS, Bucket.NATS_USERS,
    Bucket.SHARED_LAYOUTS,
)  # fmt: skip
"""Buckets that the control plane writes."""

_CONTROL = _program(
    "control",
    (
        _AUDIT, *_reads(*Bucket), *_writes(*_OF_CONTROL), *_watches(*_OF_CONTROL), *_gets(AUDIT_STREAM),
        *(subject for each in MarketClass for subject in _gets(tape_stream(each))),
        _info("*"), "$JS.API.STREAM.LIST", "$JS.API.CONSUMER.LIST.*", _CANARY,
        "$SRV.>", "ctl.>", vendor_subject("*"), alive_subject("*"),
    ),
    (members_subject("*"), _ROWS, row_subject(CANARY_SYMBOL)),
)  # fmt: skip

_ADMIN = Permissions(
    (
        "$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$JS.SNAPSHOT.>", "$SRV.>", "ctl.>", "$KV.>", _AUDIT,
        alive_subject("*"), vendor_subject("*"),
    ),
    (
        f"{INBOX}.>", *PUBLIC_SUBJECTS, "reference.>", "tape.>", "rows.>", "positions.>", "heads.>",
        "members.>", "$JS.EVENT.>",
    ),
)  # fmt: skip

_SMOKE = Permissions(
    ("$JS.API.INFO", "$SRV.INFO", _CANARY), (f"{inbox(SMOKE)}.>", _ROWS, row_subject(CANARY_SYMBOL))
)  # fmt: skip

PROGRAMS: dict[str, Permissions] = {
    "listener": _LISTENER,
    "processors": _PROCESSORS,
    "boards": _BOARDS,
    "reference": _REFERENCE,
    "news": _NEWS,
    "widgets": _WIDGETS,
    "control": _CONTROL,
    SMOKE: _SMOKE,
    ADMIN: _ADMIN,
}
"""The users of the account that holds the streams."""

CLAIMS = "claims"
CLAIMS_USER = Permissions(
    ("$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP"), (f"{inbox(CLAIMS)}.>",)
)
"""Of the one user of the system account, who tells servers of accounts: what it sends must bear the operator's signature."""
