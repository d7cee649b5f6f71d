"""TLS to the broker: whose signature counts, and what is said when it fails.

A broker that is to speak TLS says so in clear, before anything is encrypted, and the client believes
whatever it is told: who stands between could leave it out and hear everything. So whether TLS is
spoken is decided here, by the address or by a file with authorities, and a connection without it is
given up before the client has said who it is (see `mesh.transport`).

Certificates are verified by name, always. The server does not ask for the client's: who that is
follows from its credentials.
"""

import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from mesh.errors import FatalError


_OTHER_NAME = (62, 64)
"""How OpenSSL says that a certificate is for another host, or another address."""
_EXPIRED = (9, 10)
_SCHEMES = ("tls", "wss")


class PlainTextError(ConnectionError):
    """The server does not speak TLS."""

    def __init__(self) -> None:
        super().__init__("it does not speak TLS")


def is_wanted(servers: Iterable[str], ca: str) -> bool:
    """Whether all that is said must be encrypted: one of the addresses says so, or there is a file with authorities."""
    return bool(ca) or any(urlsplit(server).scheme in _SCHEMES for server in servers)


def context(ca: str) -> ssl.SSLContext:
    """What verifies a server: the authorities in the file *ca*, or without one those of the system.

    Raises:
        FatalError: the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca or None)
    except ssl.SSLError as error:
        raise FatalError(f"{ca} must hold certificates in PEM form (MESH_NATS_CA)") from error
    except OSError as error:
        raise FatalError(f"{ca} cannot be read: {error.strerror} (MESH_NATS_CA)") from error


def authorities_end_s(ca: str) -> list[float]:
    """When each of the authorities in the file *ca* ends, one at least, epoch seconds.

    Raises:
        FatalError: the file cannot be read, or holds no certificate.
    """
    known = context(ca).get_ca_certs()
    if not known:
        raise FatalError(f"{ca} holds no certificate of an authority (MESH_NATS_CA)")
    return [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in known]


def explained(error: BaseException | None, ca: str) -> str:
    """What failed, with what to set; empty if it has nothing to do with TLS."""
    if isinstance(error, PlainTextError):
        return "it does not speak TLS, and only nats:// without MESH_NATS_CA allows that"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _refused(error, ca)
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return ""


def _refused(error: ssl.SSLCertVerificationError, ca: str) -> str:
    if error.verify_code in _OTHER_NAME:
        return (
            f"its certificate is for another name ({error.verify_message}): "
            "use a name of the certificate in MESH_NATS_URL, or have that one signed"
        )
    if error.verify_code in _EXPIRED:
        return f"{error.verify_message} (or the clock of this machine is wrong): renew it"
    signers = f"an authority in {ca}" if ca else "an authority that this system knows"
    return (
        f"its certificate is not signed by {signers} ({error.verify_message}): "
        "MESH_NATS_CA must name the file with the authority that did"
    )
