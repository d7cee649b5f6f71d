"""Who may come in: reads a client's token, gives it a place, and ends its stay when the token ends."""

from collections.abc import Callable
from typing import NamedTuple

from mesh import clock
from mesh.errors import TokenError
from mesh.health import VERSION
from mesh.published_keys import TokenReader
from mesh.scopes import allowed
from mesh.tokens import LEEWAY_S, Token
from schemas.widget import EXPIRED, PROTOCOL, TOO_MANY, UNAUTHENTICATED, Close, Hello
from services.widgets.client import Guest
from services.widgets.hub import Hub
from services.widgets.owed import May


Later = Callable[[float, Callable[[], None]], object]
"""Has something called after so many seconds."""


class RevokedError(TokenError):
    """The token is valid, and somebody took it back."""

    def __init__(self, why: Close) -> None:
        super().__init__(why.meaning)
        self.why = why


class Visit(NamedTuple):
    """Who asks, and what it may see."""

    token: Token | None
    """None if nobody needs one."""
    may: May

    @property
    def left_s(self) -> float | None:
        """How long it may stay; None: for ever."""
        if self.token is None:
            return None
        return max(0.0, (self.token.expires_ms - clock.now_ms()) / 1000 + LEEWAY_S)


class Door(NamedTuple):
    """The entrance of one process.

    Args:
        tokens: reads tokens; None lets everybody in, and see everything.
    """

    hub: Hub
    tokens: TokenReader | None
    source: str
    """What the data is: `live`, `tape` or `simulated`."""

    def open_to(self, client: Guest, text: str | None, later: Later) -> None:
        """Welcome *client* for the token *text*, or close its session; called again for a newer token."""
        if self.tokens is None:
            if not client.session.is_welcome:
                client.session.welcome(self._hello(None), _everything)
            return
        if text is None:
            return
        try:
            visit = self.visit(text)
        except RevokedError as error:
            client.session.close(error.why)
            return
        except TokenError as error:
            client.session.close(UNAUTHENTICATED, str(error))
            return
        token = visit.token
        if token is not None and self._has_place(client, token):
            client.token = token
            later(visit.left_s or 0.0, lambda: _expire(client, token))
            client.session.welcome(self._hello(token), visit.may)

    def visit(self, text: str | None) -> Visit:
        """What a request with the token *text* may see.

        Raises:
            TokenError: nothing; RevokedError if it once could.
        """
        if self.tokens is None:
            return Visit(None, _everything)
        if text is None:
            raise TokenError("a token is needed, as `Authorization: Bearer`")
        token = self.tokens.read(text, clock.now_ms())
        why = self.hub.revoked.why(token)
        if why is not None:
            raise RevokedError(why)
        return Visit(token, lambda feed: allowed(token.scopes, feed))

    def lets_in_to_everything(self, text: str) -> bool:
        """Whether the token *text* shows every feed: the replaced system's protocol knows no parts."""
        try:
            return self.visit(text).may(">")
        except TokenError:
            return False

    def _has_place(self, client: Guest, token: Token) -> bool:
        if client.user == token.user:
            return True
        places = self.hub.places
        places.leave(client.user, client.address)
        refused = places.enter(token.user, client.address)
        if refused is None:
            client.user = token.user
            return True
        places.enter(client.user, client.address)
        client.session.close(TOO_MANY, refused)
        return False

    def _hello(self, token: Token | None) -> Hello:
        names = self.hub.catalogue.names
        return Hello(
            protocol=PROTOCOL,
            version=VERSION,
            source=self.source,
            server_ms=int(clock.now_ms()),
            feeds=[name for name in names if token is None or allowed(token.scopes, name)],
            user=None if token is None else token.user,
            expires_ms=None if token is None else token.expires_ms,
        )


def _expire(client: Guest, token: Token) -> None:
    if client.token == token:  # it may have brought a newer one
        client.session.close(EXPIRED)


def _everything(feed: str) -> bool:
    del feed
    return True
