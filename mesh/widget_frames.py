"""What a client says and hears in protocol 1: its token, its frames and those of the service."""

import msgspec

from mesh.errors import SettingsError, SubscriptionRefusedError
from schemas.widget import ClientFrame, Get, ServerFrame, Set, Subscribe
from schemas.wire import DecodeError, Decoder, encode_json


_server_frame = Decoder[ServerFrame](msgspec.json.Decoder(ServerFrame).decode).decode
_client_frame = Decoder[ClientFrame](msgspec.json.Decoder(ClientFrame).decode).decode


def read(message: bytes | str) -> ServerFrame | None:
    """None for what is not of this protocol: a later one's. If it changed anything, the next does not follow."""
    try:
        return _server_frame(message)
    except DecodeError:
        return None


def require_valid(frame: Subscribe | Get | Set, feed: str) -> None:
    """Refuse what the service would not understand: it could not say to which subscription its answer belongs.

    Raises:
        SubscriptionRefusedError: *frame* is not one of protocol 1.
    """
    try:
        _client_frame(encode_json(frame))
    except DecodeError as error:
        raise SubscriptionRefusedError(str(error), feed=feed) from error


def authorization(token: str | None) -> dict[str, str] | None:
    """The header that says who one is; None without a token.

    Raises:
        SettingsError: *token* would break out of the header, or does not fit into one.
    """
    if not token:
        return None
    if not (token.isascii() and token.isprintable()):
        raise SettingsError(["the token has characters that no token has"])
    return {"Authorization": f"Bearer {token}"}
