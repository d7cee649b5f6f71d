"""Whether the program of this container answers for its health: the `HEALTHCHECK` of the image.

Engines start it again and again, so it loads neither the command line nor the broker's client.
"""

import os
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from mesh.address import reach
from mesh.config import load
from mesh.errors import SettingsError


_WITHIN_S = 3.0
"""Shorter than what the image gives it."""


def main(environment: Mapping[str, str]) -> int:
    """Ask `/healthz` where *environment* says that the program listens; 0 if all is well, else 1 and a sentence why not."""
    try:
        settings = load(environment)
    except SettingsError as error:
        return _refused(str(error))
    if not settings.health_port:
        return _refused("MESH_HEALTH_PORT is not set, so nothing tells its health here")
    asking = HTTPConnection(reach(settings.host), settings.health_port, timeout=_WITHIN_S)
    try:
        asking.request("GET", "/healthz")
        status = asking.getresponse().status
    except (OSError, HTTPException) as error:
        return _refused(f"port {settings.health_port} does not answer: {error}")
    finally:
        asking.close()
    return 0 if status == HTTPStatus.OK else _refused(f"/healthz answered {status}")


def _refused(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(os.environ))
