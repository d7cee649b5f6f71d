"""A sign-in that is under way: a secret that only the browser holds, and what follows from it.

State, nonce and PKCE verifier are made of one random secret, each by its own HMAC, so none of them
tells another. The secret is in a cookie that no script can read and that is gone after some minutes;
the provider sees the state, the nonce and a hash of the verifier. So any process can finish what
another began, and nothing is kept for somebody who begins and never comes back.

The cookie needs no seal: what follows from a secret that somebody made up is of use to nobody but
himself, and one that another site plants in a browser is kept out by the cookie's prefix `__Host-`,
which a seal could not do (that site would plant one that it was given here).
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple


LASTS_S = 600
"""For so long somebody may take to sign in at the provider."""
_SECRET_BYTES = 32
_SECRET_CHARACTERS = 43
_MAX_COOKIE_CHARACTERS = 2048


class Pending(NamedTuple):
    """A sign-in that was begun."""

    secret: str
    next: str
    """Where the person wanted to go; as the browser holds it, so to be looked at again before it is believed."""

    @property
    def state(self) -> str:
        """By which the answer is recognised."""
        return self._part("state")

    @property
    def nonce(self) -> str:
        """That the id token must repeat."""
        return self._part("nonce")

    @property
    def verifier(self) -> str:
        """With which the code can be changed for tokens, and without which it can not."""
        return self._part("verifier")

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (S256)."""
        return _text(sha256(self.verifier.encode()).digest())

    def cookie(self) -> str:
        """As the browser holds it."""
        return f"{self.secret}.{_text(self.next.encode())}"

    def is_answered_by(self, state: str) -> bool:
        """Whether *state* is ours, compared in constant time."""
        return hmac.compare_digest(state.encode(), self.state.encode())

    def _part(self, name: str) -> str:
        return _text(hmac.digest(self.secret.encode(), name.encode(), "sha256"))


def begun(then: str) -> Pending:
    """A new sign-in, after which the person goes to *then*."""
    return Pending(secrets.token_urlsafe(_SECRET_BYTES), then)


def held(cookie: str) -> Pending | None:
    """The sign-in that a browser's *cookie* is of; None if it is of none."""
    secret, _, after = cookie.partition(".")
    if len(cookie) > _MAX_COOKIE_CHARACTERS or len(secret) != _SECRET_CHARACTERS:
        return None
    try:
        return Pending(secret, urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode())
    except ValueError:
        return None


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
