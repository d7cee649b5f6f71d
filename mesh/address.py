"""Addresses of brokers: `nats://host:port`, or those of a cluster, separated by commas; origins of pages; and addresses of the web."""

import re
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from mesh.errors import SettingsError


DEFAULT_URL = "nats://127.0.0.1:4222"
THIS_MACHINE = "127.0.0.1"
"""What a server listens on that is for this machine alone."""

_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)?\S*@")
_NEXT_URL = re.compile(r",(?=\s*[A-Za-z][A-Za-z0-9+.-]*://)")
_WEB_SOCKET = ("ws", "wss")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
_USUAL_PORT = re.compile(r"http:.*:80|https:.*:443")
"""What browsers leave out."""


def without_credentials(url: str) -> str:
    """*url* (or several, separated by commas) with `***` for user, password and token, to be shown.

    Hides too much rather than too little: all up to the last `@`, because a password may hold one.
    """
    return ",".join(_CREDENTIALS.sub(r"\1***@", part) for part in _NEXT_URL.split(url))


def brokers(text: str) -> list[str]:
    """Each address in *text*.

    Raises:
        SettingsError: some cannot be used, with a sentence for each; or some are WebSockets and some are not.
    """
    urls = [url.strip() for url in _NEXT_URL.split(text)]
    problems = [
        f"MESH_NATS_URL must be like {DEFAULT_URL}, or several of them separated by commas, was {without_credentials(url)!r}"
        for url in urls
        if not _is_usable(url)
    ]
    if not problems and len(set(map(is_web_socket, urls))) > 1:
        problems = ["MESH_NATS_URL must not mix addresses of WebSockets with others"]
    if problems:
        raise SettingsError(problems)
    return urls


def is_web_socket(url: str) -> bool:
    """Whether the broker is reached through a WebSocket there."""
    return urlsplit(url).scheme in _WEB_SOCKET


def parse_origins(text: str) -> frozenset[str]:
    """The origins of pages that *text* names, separated by commas.

    Raises:
        ValueError: one is not written as browsers do, and so could never match.
    """
    origins = frozenset(filter(None, map(str.strip, text.split(","))))
    for origin in sorted(origins):
        if not _ORIGIN.fullmatch(origin) or _USUAL_PORT.fullmatch(origin):
            raise ValueError(
                "Expected origins as browsers send them, in lower case, without a path or the usual port, "
                f"like https://desk.example.com, separated by commas, not {origin!r}"
            )
    return origins


def check_secure(url: str) -> None:
    """Refuse an address of the web where others on the way could listen; this machine's own needs no TLS.

    Raises:
        ValueError: it is one, or no address.
    """
    parts = urlsplit(url)
    if not parts.hostname or not (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    ):
        raise ValueError(
            f"Expected an address with https:// (http:// on this machine alone), not {without_credentials(url)!r}"
        )


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_host(text: str) -> None:
    """Refuse what no server can listen on.

    Raises:
        ValueError: it is not an address by number: a name may stand for several.
    """
    try:
        ip_address(text)
    except ValueError as error:
        raise ValueError(
            f"Expected an address to listen on, like {THIS_MACHINE} or 0.0.0.0, not {text!r}"
        ) from error


def family_of(host: str) -> socket.AddressFamily:
    """The family of sockets that listen on the address *host*."""
    return socket.AF_INET if ip_address(host).version == 4 else socket.AF_INET6  # noqa: PLR2004 (a protocol)


def reach(host: str) -> str:
    """How a URL names a server of this machine that listens on the address *host*: one on all addresses is on loopback too."""
    address = ip_address(host)
    if address.version == 4:  # noqa: PLR2004 (a protocol)
        return THIS_MACHINE if address.is_unspecified else host
    return "[::1]" if address.is_unspecified else f"[{host}]"


def own_origins(host: str, port: int) -> frozenset[str]:
    """The origins of pages of a server on *port* of *host*, as far as its address tells them."""
    names = {THIS_MACHINE, "localhost", reach(host)}
    return frozenset(f"http://{name}:{port}" for name in names)


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("nats", "tls", *_WEB_SOCKET)
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False
