"""The health of the whole over HTTP: for whoever asks whether it is well, and for the page that shows all of it."""

from http import HTTPStatus

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler

from mesh.health import VERSION
from mesh.settings import Settings
from schemas.account import Role
from schemas.wire import Wire, encode_json
from services.control.access import ANYBODY, needs
from services.control.health import Survey
from services.control.survey import Surveyor


class Health(Wire, frozen=True):
    """How the mesh is, in the words of the replaced system where it had one."""

    status: str
    """`ok` or `unwell`."""
    reasons: list[str]
    """What needs somebody, a sentence each."""
    service: str
    version: str
    image_version: str
    broker: str
    """Its version; empty: it is away."""
    programs: dict[str, int]
    """How many processes of each answer."""
    partitions: int
    owned: int
    """Partitions whose owner answers."""
    clients: int | None
    canary: str
    """`well`, `missing`, `starting` or `off`."""
    canary_ms: float | None
    """From the tape to a client's socket, the last one that arrived."""
    took_ms: float


def operations_routes(settings: Settings, surveyor: Surveyor) -> list[HTTPRouteHandler]:
    """What tells how the mesh is."""

    @get("/v1/health", opt=ANYBODY, responses={})
    async def health() -> Response[bytes]:
        """Whether all is well: 200, or 503 with what needs somebody. For whoever asks; it names nobody."""
        found = await surveyor.found()
        status = HTTPStatus.OK if found.is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(
            encode_json(health_of(found, settings)), status_code=status, media_type=MediaType.JSON
        )

    @get("/v1/operations", opt=needs(Role.VIEWER))
    async def operations() -> Survey:
        """Everything that is known of the mesh now; made once a second, however many ask."""
        return await surveyor.found()

    return [health, operations]


def health_of(found: Survey, settings: Settings) -> Health:
    """The short form of what was found."""
    programs: dict[str, int] = {}
    for each in found.programs:
        programs[each.name] = programs.get(each.name, 0) + (not each.silent_s)
    report = found.partitions
    arrived = [each.socket_ms for each in found.canary.journeys if each.socket_ms is not None]
    return Health(
        status="ok" if found.is_well else "unwell",
        reasons=found.problems,
        service="control",
        version=VERSION,
        image_version=settings.image_version,
        broker=found.broker,
        programs=programs,
        partitions=0 if report is None else len(report.partitions),
        owned=0 if report is None else sum(each.is_alive for each in report.partitions),
        clients=found.clients,
        canary=found.canary.state,
        canary_ms=arrived[-1] if arrived else None,
        took_ms=found.took_ms,
    )
