"""Addresses of brokers, and what of them may be printed."""

import pytest

from mesh.address import without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ("nats://user:pass@host:4333", "nats://***@host:4333"),
        ("tls://token@host", "tls://***@host"),
        ("user:pass@host:4333", "***@host:4333"),
        ("nats://user:p@ss/word@host", "nats://***@host"),
        ("nats://a:b,c@host", "nats://***@host"),
        ("nats://a:b@h1:1,nats://h2:2,nats://c:d@h3", "nats://***@h1:1,nats://h2:2,nats://***@h3"),
        ("a:b@h1,c:d@h2", "***@h2"),
    ],
)
def test_address_is_shown_without_credentials(url: str, shown: str) -> None:
    """Where a broker is may be printed; user, password and token may not."""
    assert without_credentials(url) == shown
