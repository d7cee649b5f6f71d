"""Who was signed out everywhere: a value of KV `revoked`, beside the ids of single tokens."""

from typing import Annotated

from msgspec import Meta

from schemas.control_naming import user_key
from schemas.wire import Wire, json_decoder


_OF_USER = "user."
"""No id of a token has a dot."""


class SignedOut(Wire, frozen=True):
    """Of a user's tokens, those that were issued before are of no use any more."""

    before_ms: Annotated[int, Meta(ge=0, le=1 << 53)]
    may_return: bool = False
    """Whether a client may come back at once with a new token: what the user may see has changed, and no more."""


decode_signed_out = json_decoder(SignedOut).decode


def signed_out_key(user: str) -> str:
    """The key of KV `revoked` that says since when a user's tokens are good: `user.616e6e`."""
    return f"{_OF_USER}{user_key(user)}"


def parse_signed_out_key(key: str) -> str | None:
    """The user whose tokens a key of KV `revoked` is about; None: it is the id of one token.

    Raises:
        ValueError: it is neither.
    """
    if not key.startswith(_OF_USER):
        return None
    return bytes.fromhex(key.removeprefix(_OF_USER)).decode()
