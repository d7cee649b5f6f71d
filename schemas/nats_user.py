"""Who was given NATS credentials by the control plane, as KV `nats_users` remembers it."""

from schemas.wire import Wire


class NatsUser(Wire, frozen=True, kw_only=True):
    """One set of credentials, without them: they are shown once, and kept nowhere."""

    key: str
    """The public key of the user, by which it is taken back; also the key in KV."""
    name: str
    by: str
    """Who made it."""
    issued_ms: int
    expires_ms: int
    revoked_ms: int | None = None
    """When it was taken back; None if it was not."""
    revoked_by: str = ""
