"""Who was signed out everywhere: a value of KV `revoked`, beside the ids of single tokens."""

from typing import Annotated

from msgspec import Meta

from schemas.wire import Wire, json_decoder


class SignedOut(Wire, frozen=True):
    """Of a user's tokens, those that were issued before are of no use any more."""

    before_ms: Annotated[int, Meta(ge=0, le=1 << 53)]
    may_return: bool = False
    """Whether a client may come back at once with a new token: what the user may see has changed, and no more."""


decode_signed_out = json_decoder(SignedOut).decode
