"""What a handshake says of the client: its token, if it brings one, and the page that it comes from.

Pure. A token is taken from `Authorization: Bearer` or, because a browser cannot set headers, from
the subprotocol `token.{token}`; never from a URL, which proxies, logs and histories keep. Nothing
here compares secrets, and no error holds what a client sent.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_plus

from mesh.bearer import bearer_of
from mesh.errors import TokenError
from schemas.widget import SUBPROTOCOL


_TOKEN_PROTOCOL = "token."  # noqa: S105 (a prefix)
_PROTOCOL_TOKEN = re.compile(r"[A-Za-z0-9._-]+")
_WORD = re.compile(r"[A-Za-z0-9._-]+")
_OBJECT = "eyJ"
"""How a JSON object begins in base64, and so every token."""
_TELLING_NAMES = frozenset(
    {"token", "accesstoken", "authtoken", "idtoken", "jwt", "bearer", "auth", "authorization", "apikey"}
)  # fmt: skip
"""Names of parameters that hold secrets, without their hyphens and underscores."""


def token_of(
    headers: Iterable[tuple[bytes | str, bytes | str]],
    subprotocols: Sequence[str] = (),
    query: bytes | str = "",
) -> str | None:
    """The token that a client brings, unread; None if it brings none, and must send it in its first frame.

    Args:
        headers: of the handshake, names in any case. `Authorization` of another scheme than Bearer is not
            for us (a proxy's, say) and counts as none.
        subprotocols: as offered, in order.
        query: of the URL, without its `?`.

    Raises:
        TokenError: a token stands in the URL, is given more than once, or not in the right form.
    """
    _refuse_in_url(_text(query))
    bearer = bearer_of(headers)
    given = [*([] if bearer is None else [bearer]), *_in_subprotocols(subprotocols)]
    if len(given) > 1:
        raise TokenError("a token must be given once")
    return given[0] if given else None


def subprotocol_for(subprotocols: Sequence[str]) -> str | None:
    """The subprotocol to answer with, of those that were offered: ours or none, and never the one with the token."""
    return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None


def origin_allowed(origin: str | None, allowed: frozenset[str]) -> bool:
    """Whether a page of *origin* may connect: only if it is named exactly so.

    None: the client sent no `Origin`, so it is no page in a browser, and nobody's token can be
    abused by it. `null`, as pages without an origin send it, is no one's name.
    """
    return origin is None or origin in allowed


def _in_subprotocols(subprotocols: Sequence[str]) -> list[str]:
    tokens = [
        offered.removeprefix(_TOKEN_PROTOCOL)
        for offered in subprotocols
        if offered.startswith(_TOKEN_PROTOCOL)
    ]
    if tokens and SUBPROTOCOL not in subprotocols:
        raise TokenError(f"the subprotocol {SUBPROTOCOL} must be offered beside the token's")
    if not all(map(_PROTOCOL_TOKEN.fullmatch, tokens)):
        raise TokenError("the subprotocol with the token must be `token.` and the token")
    return tokens


def _refuse_in_url(query: str) -> None:
    plain = unquote_plus(query)
    names = (
        re.sub(r"[-_\s]", "", part.partition("=")[0]).lower() for part in re.split(r"[&;?]", plain)
    )
    if any(map(_looks_like_token, _WORD.findall(plain))) or not _TELLING_NAMES.isdisjoint(names):
        raise TokenError(
            "a token must not stand in the URL, which logs and histories keep: send it as `Authorization: Bearer`, "
            f"as the subprotocol `token.…` beside {SUBPROTOCOL}, or in the first frame, and get another, because this one was shown"
        )


def _looks_like_token(word: str) -> bool:
    return _OBJECT in word and word.count(".") > 1


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
