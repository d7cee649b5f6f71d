"""Fresh news about symbols that are traded enough: a symbol's reason to move, told once.

An article is fresh for 15 minutes of event time after its publication. In that time its symbol is
told of as soon as it costs a dollar and 10,000 of its shares were traded on the day: at once if it was
traded before, else when the article brings buyers. News is not on the tape: whether an article came
before a trade depends on the vendors, so a tape that is played again has none.
"""

from collections.abc import Callable, Iterable, Mapping

from schemas.alert import AlertKind
from schemas.columns import PLACE, Numbers
from services.processors.alarms import Alarm
from services.processors.known import Headline


FRESH_MS = 900_000
LEAST_USD = 1.0
LEAST_SHARES = 10_000.0

_LAST, _VOLUME = PLACE["last_usd"], PLACE["volume_shares"]


class Catalysts:
    """Articles that are fresh, and whose symbols were not told of yet."""

    def __init__(self, news: Mapping[str, Headline]) -> None:
        self._news = news
        self._fresh: dict[str, Headline] = {}
        self._told: dict[str, str] = {}
        """The last article of each symbol that was told of, or is too old for it."""

    def add(self, symbols: Iterable[str]) -> None:
        """The newest article of *symbols* is another one, or another version."""
        for symbol in symbols:
            if self._told.get(symbol) != self._news[symbol].article:
                self._fresh[symbol] = self._news[symbol]

    def look(
        self,
        now_ms: int,
        place_of: Callable[[str], int | None],
        rows: Numbers,
        fire: Callable[[Alarm], None],
    ) -> None:
        """Fire for symbols that are above the floors.

        Args:
            now_ms: time of the newest event.
            place_of: that of a symbol in *rows*; None of one that is not ours.
            rows: a line for each field.
            fire: told of alarms.
        """
        for symbol, headline in list(self._fresh.items()):
            is_old = now_ms - headline.published_ms > FRESH_MS
            place = place_of(symbol)
            if not is_old:
                if place is None or not _is_traded(rows, place):
                    continue
                price_usd = float(rows[_LAST, place])
                fire(Alarm(AlertKind.NEWS, place, headline.published_ms, price_usd))
            del self._fresh[symbol]
            self._told[symbol] = headline.article


def _is_traded(rows: Numbers, place: int) -> bool:
    return bool(rows[_LAST, place] >= LEAST_USD and rows[_VOLUME, place] >= LEAST_SHARES)
