"""Layouts that users let others see: copies of what they were, each under an id that cannot be guessed, for 90 days."""

import re
from secrets import token_hex

from msgspec import Raw

from mesh.errors import FencedError
from mesh.kv import KeyValue, Version
from schemas.control_naming import parse_shared_layout_key, shared_layout_key
from schemas.wire import Wire, encode_json, json_decoder


LASTS_DAYS = 90
"""As nats/KV_shared_layouts.json says."""
MOST_OF_USER = 50
MOST_BYTES = 64 * 1024
"""Of one layout: fifty of them are read to list those of a user."""

_DAY_MS = 24 * 3600 * 1000
_ID = re.compile(r"[0-9a-f]{32}")


class Shared(Wire, frozen=True):
    """A copy of a layout."""

    owner: str
    name: str
    layout: Raw


class Share(Wire, frozen=True):
    """A link to one, as its owner sees it."""

    id: str
    name: str
    at_ms: int
    ends_ms: int


class ShareError(ValueError):
    """A layout cannot be shared."""


_decode = json_decoder(Shared).decode


class SharedLayouts:
    """Over a bucket."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket

    async def share(self, owner: str, name: str, layout: Raw) -> str:
        """Let others see *layout* as it is now; the id under which they do.

        Raises:
            ShareError: it is too large, or the user has shared too many.
            BrokerError: not known to be done.
        """
        if len(bytes(layout)) > MOST_BYTES:
            raise ShareError(f"a layout that is shared must have {MOST_BYTES // 1024} KiB at most")
        mine = await self._kept(owner)
        if sum(version.value is not None for _, version in mine) >= MOST_OF_USER:
            raise ShareError(f"a user may share {MOST_OF_USER} layouts: revoke a link first")
        share_id = token_hex(16)
        newest = max((version.revision for _, version in mine), default=0)
        key, all_of_owner = (shared_layout_key(owner, each) for each in (share_id, "*"))
        try:  # fails if another came between, so that nobody gets more by asking twice at once
            await self._bucket.put_while(key, encode_json(Shared(owner, name, layout)), all_of_owner, newest)  # fmt: skip
        except FencedError as error:
            raise ShareError("you changed a link at the same time: try again") from error
        return share_id

    async def of_user(self, owner: str) -> list[Share]:
        """What *owner* shares, newest first.

        Raises:
            BrokerError: the bucket does not answer.
        """
        return [
            Share(share_id, _decode(version.value).name, version.at_ms, _ends_ms(version))
            for share_id, version in await self._kept(owner)
            if version.value is not None
        ]

    async def find(self, share_id: str) -> Shared | None:
        """What is shared under an id; None if nothing is, or is any more.

        Raises:
            BrokerError: the bucket does not answer.
        """
        found = await self._at("*", share_id)
        return None if found is None or found.value is None else _decode(found.value)

    async def revoke(self, owner: str, share_id: str) -> str | None:
        """Let nobody see it any more; the name of the layout, None if *owner* shares nothing under this id.

        Raises:
            BrokerError: not known to be done.
        """
        found = await self._at(owner, share_id)
        if found is None or found.value is None:
            return None
        await self._bucket.delete(shared_layout_key(owner, share_id))
        return _decode(found.value).name

    async def _at(self, owner: str, share_id: str) -> Version | None:
        if not _ID.fullmatch(share_id):  # also what would match more than one key
            return None
        found = await self._bucket.history(shared_layout_key(owner, share_id))
        return found[0] if found else None

    async def _kept(self, owner: str) -> list[tuple[str, Version]]:
        """Each id of *owner* with what is under it, newest first."""
        found = await self._bucket.history(shared_layout_key(owner, "*"))
        return [(parse_shared_layout_key(each.key)[1], each) for each in found]


def _ends_ms(version: Version) -> int:
    return version.at_ms + LASTS_DAYS * _DAY_MS
