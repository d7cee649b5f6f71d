"""What the Widget Data Service says of itself in figures."""

from mesh.meters import Readings
from schemas.widget import CLOSE_CODES
from services.widgets.hub import Hub
from services.widgets.pump import Pump
from services.widgets.sources import Sources


_VERDICTS = ("replayed", "snapshot", "refused")


def of(sources: Sources, hub: Hub, pump: Pump) -> Readings:
    """The values of now."""
    catalogue = hub.catalogue
    codes = {each.code: 0 for each in CLOSE_CODES}
    return {
        "widgets.clients": hub.clients,
        "widgets.served": hub.clients_served,
        "widgets.closed": codes | hub.closed,
        "widgets.frames": pump.frames_sent,
        "widgets.sent": pump.bytes_sent,
        "widgets.recoveries": {each: catalogue.recoveries[each] for each in _VERDICTS},
        "widgets.conflated": catalogue.conflated + pump.conflated,
        "widgets.slow": hub.slow,
        "widgets.updates": sources.updates,
        "widgets.rejected": sources.rejected,
        "widgets.failures": pump.failures,
        "widgets.stale": hub.stale,
        "widgets.drained": hub.closing,
    }
