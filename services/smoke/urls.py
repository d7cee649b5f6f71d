"""What programs tell over HTTP: that they do their job, and in which version."""

import httpx
from msgspec import field

from schemas.wire import DecodeError, Wire, json_decoder
from services.smoke.check import Check, Deadline, Wrong, looked


_ANSWER_WITHIN_S = 3.0
_UNTOLD = "Unknown"
"""How health says that nobody told it the version of an image."""


class _Told(Wire, frozen=True):
    service: str
    status: str
    version: str
    image_version: str = _UNTOLD
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> str:
        """The version of the image; that of the package where no image is known of."""
        return self.version if self.image_version == _UNTOLD else self.image_version


_decode = json_decoder(_Told).decode


async def tells(url: str, version: str, deadline: Deadline) -> Check:
    """Whether the program whose health is at *url* does its job and is of *version*."""
    address = f"{url.rstrip('/')}/status"

    async def look() -> str | Wrong:
        try:
            answer = await http.get(address)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Wrong(
                f"it does not answer ({str(error) or type(error).__name__})",
                "the health of a program",
                "does the program run, and is MESH_HEALTH_PORT the port of this address?",
            )
        try:
            told = _decode(answer.content)
        except DecodeError:
            return Wrong(
                f"status {answer.status_code}, and no health of a program",
                "the health of a program",
                "is this the port of MESH_HEALTH_PORT, and not that of the page?",
            )
        return _judged(told, version)

    async with httpx.AsyncClient(trust_env=False, timeout=_ANSWER_WITHIN_S) as http:
        return await looked(url, look, deadline)


def _judged(told: _Told, version: str) -> str | Wrong:
    if told.runs != version:
        return Wrong(
            f"{told.service} {told.runs}",
            version,
            "an old process still answers there: wait for the rollout, or see why it does not go on",
        )
    if told.reasons:
        return Wrong(
            f"{told.service} is not ready: {_listed(told.reasons)}",
            "a program that is ready",
            "its log says more (`service.unready`)",
        )
    return f"{told.service} {told.runs}, {told.status.lower()}"


def _listed(reasons: dict[str, str]) -> str:
    return ", ".join(f"{name} {reason}" for name, reason in reasons.items())
