"""The keys that sign tokens, for admins: which there are, and another when one must be."""

from litestar import get, post
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler

from schemas.account import Role
from schemas.wire import DecodeError, Wire, json_decoder
from services.control.access import needs
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.key_ring import StoredKey
from services.control.signing import SigningKeys


class Known(Wire, frozen=True):
    """A key, without its private part."""

    kid: str
    signs_from_ms: float


class Keys(Wire, frozen=True):
    """All keys that are published, oldest first."""

    keys: list[Known]


class Rotation(Wire, frozen=True, forbid_unknown_fields=True):
    """How the next key takes over; the body may be left out."""

    compromised: bool = False
    """Somebody knows a private key: no token that was signed before is good any more, and the new key signs at once."""


_decode = json_decoder(Rotation).decode


def signing_routes(keys: SigningKeys, audit: Audit) -> list[HTTPRouteHandler]:
    """What shows the keys and has them follow each other."""

    @get("/v1/signing-keys", opt=needs(Role.ADMIN), sync_to_thread=False)
    def known() -> Keys:
        """The keys, and when each takes over."""
        return Keys([_shown(key) for key in keys.ring.keys])

    @post("/v1/signing-keys", opt=needs(Role.ADMIN), status_code=201)
    async def rotate(request: Asked) -> Known:
        """Have a new key take over in some minutes, or at once; asked again before, it is the same one."""
        try:
            is_compromised = _decode(await request.body() or b"{}").compromised
        except DecodeError as error:
            raise ClientException(
                f"the body may say whether a key is `compromised`, and nothing else: {error}"
            ) from error
        before = [key.public.kid for key in keys.ring.keys]
        made = _shown(await (keys.renew() if is_compromised else keys.rotate()))
        action = "signing-key.renew" if is_compromised else "signing-key.rotate"
        await audit.write(record(request, action, made.kid, before=before, after=made))
        return made

    return [known, rotate]


def _shown(key: StoredKey) -> Known:
    return Known(key.public.kid, key.signs_from_ms)
