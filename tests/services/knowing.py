"""Reference data for tests: closes alone."""

from collections.abc import Mapping

from schemas.reference import SymbolDay
from services.processors.known import Knowledge


def knowing(closes: Mapping[str, Mapping[str, float]]) -> Knowledge:
    """What is known when only previous closes are, by trading day and symbol."""
    knowledge = Knowledge()
    for day, found in closes.items():
        knowledge.days[day] = {symbol: SymbolDay(symbol, usd) for symbol, usd in found.items()}
    return knowledge
