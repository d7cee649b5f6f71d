"""Links that let somebody choose a password once: the first admin, a new user, or one who forgot it.

A link stands for one thing at a time: a new one for the same user makes the one before useless. Its
secret is in the fragment of the URL, which browsers send to nobody, and only its hash is kept.
"""

from hmac import compare_digest

from mesh import clock
from mesh.errors import FencedError, MeshError
from mesh.kv import KeyValue
from schemas.account import Link
from schemas.wire import encode_json, json_decoder
from services.control.secret import digest, new_secret


FIRST_ADMIN = "first-admin"
"""What the link is for that makes the first admin; other links are for the key of a user."""
LASTS_S = 24 * 3600

_UNKNOWN = "this link was used, is past its end, or was replaced by a newer one: ask for another"
_decode = json_decoder(Link).decode


class LinkError(MeshError):
    """A link is good for nothing."""


class Links:
    """Over a bucket."""

    def __init__(self, links: KeyValue, page: str) -> None:
        """Keep links in *links*; *page* is the URL where they are used."""
        self._links = links
        self._page = page

    async def issue(self, purpose: str) -> str:
        """A new link, to be shown once.

        Raises:
            BrokerError: not known to be kept.
        """
        secret = new_secret()
        link = Link(digest(secret), int(clock.now_ms()) + LASTS_S * 1000)
        await self._links.put(purpose, encode_json(link))
        return f"{self._page}#{purpose}.{secret}"

    async def purpose(self, shown: str) -> tuple[str, int]:
        """What the fragment *shown* of a link is good for, and the revision with which it can be used.

        Raises:
            LinkError: for nothing.
            BrokerError: nobody can tell.
        """
        purpose, _, secret = shown.partition(".")
        if not (secret and purpose.isascii() and purpose.replace("-", "").isalnum()):
            raise LinkError(_UNKNOWN)
        entry = await self._links.get(purpose)
        if entry is None or entry.value is None:
            raise LinkError(_UNKNOWN)
        link = _decode(entry.value)
        if not compare_digest(link.hash, digest(secret)) or clock.now_ms() > link.ends_ms:
            raise LinkError(_UNKNOWN)
        return purpose, entry.revision

    async def use_up(self, purpose: str, revision: int) -> None:
        """Make sure that nobody uses the link again, or has done so.

        Raises:
            LinkError: somebody has.
            BrokerError: nobody can tell.
        """
        try:
            await self._links.delete_if(purpose, revision)
        except FencedError as error:
            raise LinkError(_UNKNOWN) from error
