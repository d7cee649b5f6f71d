"""Who may sign in and do what: roles, users, sessions, and the links that let somebody choose a password."""

from enum import StrEnum

from schemas.wire import Wire


LOCAL = "local"
"""The provider of accounts whose passwords are here."""


class Role(StrEnum):
    """What somebody may do, least first; each may do what the ones before it may."""

    VIEWER = "viewer"
    """See boards, rows, alerts and the state of the mesh."""
    OPERATOR = "operator"
    """Run it: start and stop feeds, drain workers."""
    ADMIN = "admin"
    """Decide who may do that, and read the audit."""

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what *needed* may."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = list(Role)


class User(Wire, frozen=True, kw_only=True):
    """Somebody who may sign in, as KV `users` keeps them."""

    name: str
    role: Role
    provider: str = LOCAL
    """Who knows that it is this person: `local`, or an OpenID provider's issuer."""
    subject: str = ""
    """What that provider calls the person, for ever; empty for local accounts."""
    password: str = ""
    """As argon2id hashes it; empty: none, and nobody can sign in with one."""
    is_disabled: bool = False
    rights: int = 1
    """Grows with each change of role, password or `is_disabled`: sessions that were begun before end."""
    created_ms: int = 0


class Session(Wire, frozen=True, kw_only=True):
    """A browser in which somebody is signed in, as KV `sessions` keeps it."""

    user: str
    rights: int
    """Of the user when it began."""
    begun_ms: int
    seen_ms: int
    """When it was last used, to a fraction of the time after which an idle one ends."""
    address: str
    agent: str
    """What the browser says that it is."""


class Link(Wire, frozen=True):
    """A link that lets somebody choose a password once, as KV `links` keeps it."""

    hash: str
    """Of its secret."""
    ends_ms: int


class Tried(Wire, frozen=True):
    """Sign-ins that failed, as KV `attempts` counts them."""

    failures: int
    again_ms: int
    """Before that moment none is looked at."""
