"""The mesh as the control plane watches it: canaries sent, and the whole looked at for whoever asks."""

from collections.abc import Callable

from litestar.handlers import HTTPRouteHandler

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.spans import Spans
from services.control.canary import canary_of, why_off
from services.control.journeys import CanaryReport, off
from services.control.operations import operations_routes
from services.control.operations_page import operations_page
from services.control.survey import Surveyor


class Watch:
    """Over a connection."""

    def __init__(
        self, settings: Settings, connection: Connection, spans: Spans | None = None
    ) -> None:
        why = why_off(settings)
        self._canary = None if why else canary_of(settings, connection, spans)
        report = self._canary.report if self._canary is not None else lambda: off(why)
        self.report: Callable[[], CanaryReport] = report
        """What canaries say of the mesh now."""
        self._surveyor = Surveyor(settings, connection, report)
        self._settings = settings

    def routes(self) -> list[HTTPRouteHandler]:
        """What shows what was seen."""
        return [*operations_routes(self._settings, self._surveyor), *operations_page()]

    async def run(self) -> None:
        """Send canaries, for ever; or none, if they cannot be right here."""
        if self._canary is not None:
            await self._canary.run()
