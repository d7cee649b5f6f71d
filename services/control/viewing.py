"""Which feeds a user may see: what the role gives, unless an operator has narrowed it for the user."""

from typing import Annotated

from msgspec import Meta

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.scopes import allowed
from mesh.tokens import MAX_SCOPES, are_scopes
from schemas.account import Role
from schemas.control_naming import user_key
from schemas.naming import Bucket
from schemas.wire import DecodeError, Wire, encode_json, json_decoder


EVERYTHING = (">",)


class Scopes(Wire, frozen=True, forbid_unknown_fields=True):
    """What a user may see."""

    scopes: Annotated[list[str], Meta(max_length=MAX_SCOPES)] | None
    """Patterns of feeds; null: what the role gives."""


_decode = json_decoder(Scopes).decode


class Viewing:
    """Who may see what. A viewer sees *viewer_scopes*, everybody above sees everything."""

    def __init__(self, connection: Connection, viewer_scopes: tuple[str, ...]) -> None:
        self._bucket = KeyValue(connection, Bucket.SCOPES)
        self._viewer_scopes = viewer_scopes
        self._narrowed: dict[str, tuple[str, ...]] = {}

    async def run(self) -> None:
        """Know what is narrowed for whom, for ever."""
        async for entry in self._bucket.watch():
            self._note(entry.key, entry.value)

    async def load(self) -> None:
        """Know it now.

        Raises:
            BrokerError: the broker does not answer.
        """
        for entry in await self._bucket.all():
            self._note(entry.key, entry.value)

    async def narrow(self, user: str, scopes: list[str] | None) -> None:
        """Let *user* see no more than *scopes*; None: what the role gives.

        Raises:
            ValueError: those are no scopes, in words for people.
            BrokerError: not done, or not known to be.
        """
        if scopes is not None and not are_scopes(scopes):
            raise ValueError(
                f"scopes must be 1–{MAX_SCOPES} patterns of feeds, like board/* or alert/>; null is what the role gives"
            )
        value = encode_json(Scopes(scopes))
        await self._bucket.put(user_key(user), value)
        self._note(user_key(user), value)

    def narrowed(self, user: str) -> list[str] | None:
        """What *user* may see by an operator's decision; None: nobody has decided."""
        found = self._narrowed.get(user_key(user))
        return None if found is None else list(found)

    def scopes(self, user: str, role: Role, asked: tuple[str, ...] = ()) -> tuple[str, ...]:
        """What *user*, acting as *role*, may see of what is *asked* for; nothing asked for is everything that may be."""
        usual = self._viewer_scopes if role is Role.VIEWER else EVERYTHING
        own = self._narrowed.get(user_key(user))
        mine = usual if own is None else common(own, usual)
        return common(asked, mine) if asked else mine

    def _note(self, key: str, value: bytes | None) -> None:
        """What cannot be read narrows to nothing: it was put there to take something away."""
        try:
            scopes = None if value is None else _decode(value).scopes
        except DecodeError:
            scopes = []
        if scopes is None:
            self._narrowed.pop(key, None)
        else:
            self._narrowed[key] = tuple(scopes)


def common(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns on either side that the other side allows whole; what overlaps only in part is left out."""
    found = [each for each in some if allowed(others, each)]
    found += [each for each in others if allowed(some, each)]
    return tuple(dict.fromkeys(found))
