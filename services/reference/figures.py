"""What the loading of reference data says of itself in figures."""

from mesh.meters import Readings
from services.reference.loader import Loader
from services.reference.responder import Responder
from services.reference.vendor import Vendor


def of(
    loading: Vendor, people: Vendor, loader: Loader, responder: Responder, budget: int
) -> Readings:
    """The values of now; *budget* is in calls a minute."""
    return {
        "reference.calls": {"loading": loading.calls, "people": people.calls},
        "reference.failures": {"loading": loading.failures, "people": people.failures},
        "reference.budget": budget,
        "reference.days": len(loader.loaded),
        "reference.missing": len(loader.wanted),
        "reference.symbols": 0 if loader.latest is None else len(loader.latest.symbols),
        "reference.answered": responder.answered,
    }
