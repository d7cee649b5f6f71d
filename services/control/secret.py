"""Random secrets, which are kept as hashes alone: they have nothing that could be guessed, so a fast hash does."""

from hashlib import sha256
from secrets import token_urlsafe


_BYTES = 32


def new_secret() -> str:
    """256 random bits, as text that can stand in a cookie and in a URL."""
    return token_urlsafe(_BYTES)


def digest(secret: str) -> str:
    """What is kept of *secret*; also a key of KV."""
    return sha256(secret.encode()).hexdigest()
