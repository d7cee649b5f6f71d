"""Signing keys as several control processes share them, with a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh import clock
from mesh.connection import Connection, open_connection
from mesh.errors import MeshError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.published_keys import LONGEST_S, TokenReader
from mesh.settings import Settings
from mesh.tasks import end
from mesh.testing import RunningBroker, eventually
from mesh.tokens import Tokens, names_key, new_content
from schemas.naming import Bucket
from services.control.key_ring import Seal, Times
from services.control.signing import RING_KEY, SigningKeys
from tests.services.control.keeping import TOKEN_KEY, published


pytestmark = pytest.mark.broker

TIMES = Times(30.0)
AT_ONCE = Times(30.0, lead_ms=0.0)


@asynccontextmanager
async def _process(
    settings: Settings, times: Times = TIMES, token_key: str = TOKEN_KEY
) -> AsyncIterator[SigningKeys]:
    log = set_up("test", "error")
    async with open_connection(settings, "control", log) as connection:
        keys = SigningKeys(connection, Seal(token_key.encode()), times, log)
        await keys.tend()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in (keys.run(), keys.keep())]
            try:
                yield keys
            finally:
                await end(running)


def _token(keys: SigningKeys) -> str:
    now_s = int(clock.now_ms() // 1000)
    return keys.sign(new_content("ann", [">"], 60, now_s, LONGEST_S))


def _reader(keys: SigningKeys) -> TokenReader:
    made = TokenReader(Tokens(TOKEN_KEY.encode()))
    made.publish(keys.published)
    return made


async def test_processes_that_start_together_share_one_key(
    settings: Settings, connection: Connection
) -> None:
    """Of several processes that find no key one makes it, and each reads the tokens of all."""
    async with _process(settings) as one, _process(settings) as other, _process(settings) as third:
        await asyncio.gather(one.tend(), other.tend(), third.tend())

        assert len(await published(connection)) == 1
        for keys in (one, other, third):
            assert _reader(one).read(_token(keys), clock.now_ms()).user == "ann"


async def test_rotation_is_heard_of_by_all_processes(
    settings: Settings, connection: Connection
) -> None:
    """Asked of two processes at once it happens once; both sign with the new key, and the old one stays published."""
    async with _process(settings, AT_ONCE) as one, _process(settings, AT_ONCE) as other:
        before = names_key(_token(one))
        old = _token(other)
        made = await one.rotate()

        await eventually(lambda: names_key(_token(other)) == made.public.kid)
        assert before != made.public.kid == names_key(_token(one))
        assert await published(connection) == [before, made.public.kid]
        assert _reader(other).read(old, clock.now_ms())


async def test_next_key_is_published_and_does_not_sign_yet(
    settings: Settings, connection: Connection
) -> None:
    """A rotation that is asked for takes minutes, so that everybody knows the key before its first token."""
    async with _process(settings) as one, _process(settings) as other:
        before = names_key(_token(one))
        first, second = await asyncio.gather(one.rotate(), other.rotate())

        assert first == second
        assert await published(connection) == [before, first.public.kid]
        assert names_key(_token(one)) == names_key(_token(other)) == before


async def test_renewal_leaves_nothing_of_the_keys_before(
    settings: Settings, connection: Connection
) -> None:
    """When a key has leaked, all processes sign with one new key, and what was signed before proves nothing."""
    async with _process(settings) as one, _process(settings) as other:
        stolen = _token(one)
        made = await one.renew()

        await eventually(lambda: names_key(_token(other)) == made.public.kid)
        assert await published(connection) == [made.public.kid]
        with pytest.raises(MeshError):
            _reader(other).read(stolen, clock.now_ms())


async def test_process_with_another_token_key_makes_a_key_of_its_own(
    settings: Settings, connection: Connection
) -> None:
    """After MESH_TOKEN_KEY was changed in one process after the other, tokens of both are good."""
    async with _process(settings) as old, _process(settings, token_key="n" * 32) as new:
        text = _token(new)

        assert len(await published(connection)) == 2
        await eventually(lambda: len(old.published.keys) == 2)
        for keys in (old, new):
            assert _reader(keys).read(text, clock.now_ms())
            assert _reader(keys).read(_token(old), clock.now_ms())


async def test_process_goes_on_signing_while_the_broker_is_away(
    settings: Settings, connection: Connection, broker: RunningBroker
) -> None:
    """Tokens are signed with the key that is known, and after the broker's return it is the same."""
    del connection
    async with _process(settings) as keys:
        before = names_key(_token(keys))
        await broker.kill()
        assert names_key(_token(keys)) == before

        await broker.start()
        await eventually(lambda: _tended(keys))  # type: ignore[arg-type]  # T is what is awaited
        assert names_key(_token(keys)) == before


async def test_private_keys_are_not_in_any_bucket(
    settings: Settings, connection: Connection
) -> None:
    """Whoever reads the buckets sees public halves and sealed ones; what is broken there is replaced."""
    stored = KeyValue(connection, Bucket.SIGNING)
    async with _process(settings) as keys:
        before = names_key(_token(keys))
        entry = await stored.get(RING_KEY)
        assert entry is not None
        assert TOKEN_KEY.encode() not in (entry.value or b"")

        await stored.put(RING_KEY, b'{"keys":[{"sealed":5}]}')
        await keys.tend()
        assert names_key(_token(keys)) != before
        assert await published(connection) == [names_key(_token(keys))]


async def _tended(keys: SigningKeys) -> bool:
    try:
        await keys.tend()
    except MeshError:
        return False
    return True
