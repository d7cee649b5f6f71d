"""What tests of reference data share: what the program has put, read back."""

from collections.abc import Callable
from typing import Any

import msgspec

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.naming import Bucket, parse_reference_day_key, reference_day_key, symbol_token
from schemas.reference import Reference, ReferenceDay, SymbolDay, VolumeCurve
from schemas.wire import json_decoder, msgpack_decoder
from tests.services.simulator.listening import KEY
from tests.services.simulator.resting import FIRST_DAY


PARTITIONS = 4
PATIENCE_S = 40.0

_decode_day = msgpack_decoder(ReferenceDay).decode
_decode_curve = msgpack_decoder(VolumeCurve).decode
_decode_reference = json_decoder(Reference).decode


def asking(settings: Settings, url: str, **chosen: Any) -> Settings:
    """Settings that ask the vendor at *url* about the first day, as fast as it answers."""
    usual = {
        "rest_url": url, "api_key": KEY, "reference_days": FIRST_DAY, "partitions": PARTITIONS,
        "reference_calls": 100_000, "reference_history": 45,
    }  # fmt: skip
    return msgspec.structs.replace(settings, **{**usual, **chosen})


async def partitions(connection: Connection, day: str = FIRST_DAY) -> list[ReferenceDay]:
    """What is stored of each partition of *day*."""
    entries = await KeyValue(connection, Bucket.DAILY).all()
    found = [_decode_day(entry.value or b"") for entry in entries]
    keys = [reference_day_key(each.trading_day, each.partition) for each in found]
    assert keys == [entry.key for entry in entries]
    return [each for each in found if parse_reference_day_key(keys[found.index(each)])[0] == day]


async def symbols(connection: Connection, day: str = FIRST_DAY) -> dict[str, SymbolDay]:
    """All symbols of *day*."""
    return {
        each.symbol: each for part in await partitions(connection, day) for each in part.symbols
    }


async def until_complete(connection: Connection, day: str = FIRST_DAY) -> dict[str, SymbolDay]:
    """All symbols of *day*, as soon as every partition says that it is complete."""

    async def complete() -> bool:
        found = await partitions(connection, day)
        return len(found) == PARTITIONS and all(each.complete for each in found)

    await eventually(complete, timeout_s=PATIENCE_S)  # type: ignore[arg-type]  # T is what is awaited
    return await symbols(connection, day)


async def until_known(
    connection: Connection, symbol: str, accept: Callable[[Reference], bool]
) -> Reference:
    """What people read of *symbol*, as soon as *accept* takes it."""

    async def known() -> list[Reference]:
        found = await reference(connection, symbol)
        return [found] if found is not None and accept(found) else []

    found: list[Reference] = await eventually(known, timeout_s=PATIENCE_S)
    return found[0]


async def until_curved(connection: Connection, count: int) -> None:
    """Wait until the curves of *count* symbols were put, and said to be."""

    async def curved() -> int:
        entries = await KeyValue(connection, Bucket.REFERENCE).all()
        found = [_decode_reference(e.value or b"") for e in entries if "." not in e.key]
        return sum("curve" in each.parts for each in found)

    await eventually(curved, lambda found: found >= count, timeout_s=PATIENCE_S)  # type: ignore[arg-type]  # T is what is awaited


async def reference(connection: Connection, symbol: str) -> Reference | None:
    """What people read of *symbol*; None if there is nothing yet."""
    entry = await KeyValue(connection, Bucket.REFERENCE).get(symbol_token(symbol))
    return None if entry is None or entry.value is None else _decode_reference(entry.value)


async def curve(connection: Connection, symbol: str) -> VolumeCurve | None:
    """The curve of *symbol*; None if there is none yet."""
    entry = await KeyValue(connection, Bucket.CURVES).get(symbol_token(symbol))
    return None if entry is None or entry.value is None else _decode_curve(entry.value)
