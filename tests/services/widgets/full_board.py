"""A board of 500 rows of which 150 change at a time: what a busy market asks of a browser."""

import random  # noqa: TID251  # a test's, seeded

from mesh import clock
from schemas.widget import Delta, Snap, Subscribe
from tests.services.widgets.answering import row
from tests.services.widgets.histories import HEAD, checksum


ROWS, CHANGED, MOVED = 500, 150, 10


class FullBoard:
    """Five hundred rows, of which 150 change at a time, some of them in their places."""

    def __init__(self, asked: Subscribe) -> None:
        assert isinstance(asked.view.columns, list)
        self._chance = random.Random(1)  # noqa: S311  # chance, not secrecy
        self._id, self._feed = asked.id, asked.feed
        self.columns = ["symbol", *asked.view.columns]
        self.rows = [
            [
                f"S{n:03}",
                *(
                    getattr(row("A", 5.0, 10.0 + n), name, 5.0) or 1.0
                    if name not in ("halt", "news_ms", "session")
                    else None
                    for name in asked.view.columns
                ),
            ]
            for n in range(ROWS)
        ]
        self.seq = 1

    def snap(self) -> Snap:
        """All of it."""
        return Snap(
            self._id, self._feed, "e", 1, clock.now_ms(), HEAD, self.columns, self.rows, ROWS, checksum(self.rows),
        )  # fmt: skip

    def delta(self) -> Delta:
        """The next update: new numbers in 150 rows, and ten of them elsewhere."""
        moved = self._chance.sample(range(ROWS), MOVED)
        kept = [each for n, each in enumerate(self.rows) if n not in set(moved)]
        for n, place in zip(
            sorted(moved), sorted(self._chance.sample(range(ROWS), MOVED)), strict=True
        ):
            kept.insert(place, self.rows[n])
        moves = sorted((kept.index(self.rows[n]), str(self.rows[n][0])) for n in moved)
        self.rows = kept
        places = sorted(self._chance.sample(range(ROWS), CHANGED))
        numbers = [
            n for n, name in enumerate(self.columns) if name.endswith(("_usd", "_pct", "_shares"))
        ]
        cells = []
        for column in numbers:
            values = [round(self._chance.uniform(1, 500), 2) for _ in places]
            for place, value in zip(places, values, strict=True):
                self.rows[place][column] = value
            cells.append([column, values])
        self.seq += 1
        return Delta(
            self._id, self.seq - 1, self.seq, clock.now_ms(), HEAD, [], moves, places, cells, ROWS,
            checksum(self.rows) if self.seq % 10 == 0 else None,
        )  # fmt: skip
