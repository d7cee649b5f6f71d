"""The signing keys as all control processes share them: one ring in KV `signing`, its public half in KV `keys`.

The ring is changed by compare-and-set, so of several processes that find a new key due one adds it. The public
half is made from the ring by whoever sees that they differ. A process goes on signing with what it knows while the broker is away.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mesh import clock
from mesh.connection import Connection
from mesh.errors import BrokerError, FencedError, MeshError
from mesh.kv import Entry, KeyValue
from mesh.logs import Log
from mesh.published_keys import sign
from mesh.tasks import ticks
from schemas.naming import Bucket
from schemas.token_keys import JWKS_KEY, KeySet
from schemas.wire import DecodeError, encode_json
from services.control.key_ring import (
    Ring,
    Seal,
    StoredKey,
    Times,
    decode_ring,
    renewed,
    rotated,
    signing,
    tended,
)


RING_KEY = "ring"
_TEND_S = 30.0


class SigningKeys:
    """Signs tokens, and sees to it that keys follow each other."""

    def __init__(self, connection: Connection, seal: Seal, times: Times, log: Log) -> None:
        self._stored = KeyValue(connection, Bucket.SIGNING)
        self._public = KeyValue(connection, Bucket.KEYS)
        self._seal = seal
        self._times = times
        self._log = log
        self._ring = Ring()
        self._opened: dict[str, Ed25519PrivateKey | None] = {}

    @property
    def ring(self) -> Ring:
        """The keys as they are known."""
        return self._ring

    @property
    def published(self) -> KeySet:
        """The keys that prove tokens."""
        return self._ring.published

    async def run(self) -> None:
        """See what other processes change, for ever."""
        async for entry in self._stored.watch(RING_KEY):
            self._take(entry)

    async def keep(self) -> None:
        """See to the keys, for ever."""
        async for _ in ticks(_TEND_S):
            try:
                await self.tend()
            except BrokerError as error:
                self._log.warning("signing.delayed", reason=str(error))

    async def tend(self) -> None:
        """Add a key if one is due, forget those that are of no use, publish what is left.

        Raises:
            BrokerError: not done, or not known to be.
        """
        await self._change(
            lambda ring: tended(ring, self._seal, self._times, clock.now_ms(), self._opens)
        )

    async def rotate(self) -> StoredKey:
        """Have a new key take over soon; the one that will.

        Raises:
            BrokerError: not done, or not known to be.
        """
        return await self._change(
            lambda ring: rotated(ring, self._seal, self._times, clock.now_ms())
        )

    async def renew(self) -> StoredKey:
        """Have a new key take over now, and no token of another be good any more.

        Raises:
            BrokerError: not done, or not known to be.
        """
        made = renewed(self._seal, clock.now_ms())
        return await self._change(lambda _: made)

    def sign(self, content: bytes) -> str:
        """The token of *content*.

        Raises:
            MeshError: there is no key.
        """
        stored = signing(self._ring, clock.now_ms(), self._opens)
        key = None if stored is None else self._private(stored)
        if stored is None or key is None:
            raise MeshError("there is no key to sign with: the control plane makes one, ask again")
        return sign(content, stored.public.kid, key)

    async def _change(self, change: Callable[[Ring], Ring]) -> StoredKey:
        """Make the ring what *change* makes of it; its newest key."""
        while True:
            ring, revision = await self._get()
            wanted = change(ring)
            if wanted == ring:
                break
            try:
                revision = await self._stored.put_if(RING_KEY, encode_json(wanted), revision)
            except FencedError:
                continue
            break
        await self._publish(wanted, revision)
        self._adopt(wanted)
        return wanted.keys[-1]

    async def _publish(self, known: Ring, revision: int) -> None:
        """Put what is public of the ring, unless it is there.

        It is read before the ring: if that changes later, whoever changes it also writes here, and this write fails.
        A replica may answer with an older ring than the one that is *known* at *revision*.
        """
        while True:
            entry = await self._public.get(JWKS_KEY)
            ring, found = await self._get()
            wanted = encode_json((ring if found > revision else known).published)
            if entry is not None and entry.value == wanted:
                return
            try:
                await self._public.put_if(JWKS_KEY, wanted, 0 if entry is None else entry.revision)
            except FencedError:
                continue
            return

    async def _get(self) -> tuple[Ring, int]:
        entry = await self._stored.get(RING_KEY)
        if entry is None:
            return Ring(), 0
        return self._read(entry), entry.revision

    def _read(self, entry: Entry) -> Ring:
        """A ring that is none is one without keys: a new one takes its place, and people sign in as before."""
        try:
            return decode_ring(entry.value or b"{}")
        except DecodeError as error:
            self._log.error("signing.rejected", reason=str(error))
            return Ring()

    def _take(self, entry: Entry) -> None:
        self._adopt(self._read(entry))

    def _adopt(self, ring: Ring) -> None:
        self._ring = ring
        kids = {key.public.kid for key in ring.keys}
        self._opened = {kid: key for kid, key in self._opened.items() if kid in kids}

    def _opens(self, stored: StoredKey) -> bool:
        return self._private(stored) is not None

    def _private(self, stored: StoredKey) -> Ed25519PrivateKey | None:
        kid = stored.public.kid
        if kid not in self._opened:
            self._opened[kid] = self._seal.open(stored)
        return self._opened[kid]
