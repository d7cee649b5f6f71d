"""The keys of the control plane's tokens, as the service knows them: what was published last, whoever is away now."""

from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import Entry, KeyValue
from mesh.logs import Log
from mesh.published_keys import TokenReader
from schemas.naming import Bucket
from schemas.token_keys import JWKS_KEY, parse_key_set
from schemas.wire import DecodeError
from services.widgets.hub import Hub


class KnownKeys:
    """Keeps *reader* at the published keys, and ends connections whose token's key is published no more."""

    def __init__(self, connection: Connection, reader: TokenReader, hub: Hub, log: Log) -> None:
        self._bucket = KeyValue(connection, Bucket.KEYS)
        self._reader = reader
        self._hub = hub
        self._log = log

    async def load(self) -> None:
        """Know what is published now, before anybody comes: a client that is refused for want of a key stays away."""
        try:
            entry = await self._bucket.get(JWKS_KEY)
        except BrokerError as error:
            self._log.warning("keys.delayed", reason=str(error))
            return
        if entry is not None:
            self._take(entry)

    async def run(self) -> None:
        """Know each change, for ever."""
        async for entry in self._bucket.watch(JWKS_KEY):
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        try:
            published = parse_key_set(entry.value or b'{"keys":[]}')
        except DecodeError as error:
            self._log.warning("keys.rejected", reason=str(error))
            return
        before = self._reader.keys
        self._reader.publish(published)
        gone = before - self._reader.keys
        if gone:
            self._hub.end_tokens_of(gone)
