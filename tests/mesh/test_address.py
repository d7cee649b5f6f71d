"""Addresses of brokers, and what of them may be printed; origins of pages."""

import pytest

from mesh.address import own_origins, parse_origins, without_credentials


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


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", set()),
        (" , ", set()),
        ("https://desk.example.com", {"https://desk.example.com"}),
        (" http://a:8080 ,http://[::1]:8080,", {"http://a:8080", "http://[::1]:8080"}),
        ("chrome-extension://abcdef", {"chrome-extension://abcdef"}),
        ("http://a:443,https://a:80", {"http://a:443", "https://a:80"}),
    ],
)
def test_origins_are_read_as_browsers_send_them(text: str, origins: set[str]) -> None:
    """Each origin of a list is taken exactly as it stands, and spaces around it do no harm."""
    assert parse_origins(text) == origins


@pytest.mark.parametrize(
    "text",
    [
        "*", "null", "desk.example.com", "//a", "https://", "https://a/", "https://a/b", "https://A", "HTTPS://a",
        "https://*.example.com", "https://a:443", "http://a:80", "https://a:", "https://a:0", "https://a:123456",
        "https://user@a", "https://a?b", "https://a#b", "https://a b", "https://a;https://b", "https://a\nb", "https://é",
    ],
)  # fmt: skip
def test_origin_that_could_never_match_is_refused(text: str) -> None:
    """A wildcard, a path or a port that browsers leave out is said at start, instead of shutting a page out."""
    with pytest.raises(ValueError, match="Expected origins"):
        parse_origins(f"https://fine.example.com,{text}")


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("127.0.0.1", {"127.0.0.1", "localhost"}),
        ("0.0.0.0", {"127.0.0.1", "localhost"}),  # noqa: S104 (that is the subject)
        ("10.0.0.5", {"127.0.0.1", "localhost", "10.0.0.5"}),
        ("::", {"127.0.0.1", "localhost", "[::1]"}),
        ("fd00::5", {"127.0.0.1", "localhost", "[fd00::5]"}),
    ],
)
def test_own_origins_are_those_that_the_address_tells(host: str, names: set[str]) -> None:
    """Pages of this machine, and of the address itself if it is one; what others call it nobody knows."""
    assert own_origins(host, 8080) == {f"http://{name}:8080" for name in names}
