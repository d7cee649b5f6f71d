"""How the order of a table has changed: as few rows as can be are put elsewhere."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from schemas.columns import Mask, Places


Moves = list[tuple[int, str]]
"""New places, ascending, and who is there."""


def origins(before: Sequence[str], now: Sequence[str]) -> Places:
    """Where in *before* each of *now* was; −1 for those that were not there."""
    places = {symbol: place for place, symbol in enumerate(before)}
    return np.array([places.get(symbol, -1) for symbol in now], np.intp)


def origins_by_place(before: Places, now: Places, names: int) -> Places:
    """The same of rows that are known by their places among so many *names*."""
    places = np.full(names, -1, np.intp)
    places[before] = np.arange(len(before))
    found: Places = places[now]
    return found


def moved(before: Sequence[str], now: Sequence[str], came_from: Places) -> tuple[list[str], Moves]:
    """Who has gone, and the fewest symbols that must be put elsewhere to make *now* of *before*.

    *came_from* are the `origins` of *now*.
    """
    known = (came_from >= 0).nonzero()[0]
    origin = came_from[known]
    moves = np.ones(len(now), np.bool_)
    moves[known[_longest_rise(origin)]] = False
    gone: list[str] = []
    if len(known) < len(before):
        has_gone = np.ones(len(before), np.bool_)
        has_gone[origin] = False
        gone = [before[place] for place in has_gone.nonzero()[0].tolist()]
    return gone, [(place, now[place]) for place in moves.nonzero()[0].tolist()]


def _longest_rise(numbers: Places) -> Mask:
    """Which of *numbers*, none twice, are of a longest rising subsequence.

    Those with all smaller ones before them, and all greater ones behind, are of it whatever becomes of the
    others: most rows of a table do not move, and a pile is looked for only for those between.
    """
    rises: Mask = numbers == np.maximum.accumulate(numbers)
    rises &= numbers == np.minimum.accumulate(numbers[::-1])[::-1]
    loose = (~rises).nonzero()[0]
    if len(loose):
        rises[loose[_piled(numbers[loose].tolist())]] = True
    return rises


def _piled(numbers: list[int]) -> list[int]:
    """Places of a longest rising subsequence (patience sorting), the last one first."""
    tops: list[int] = []
    top_places: list[int] = []
    below: list[int] = []
    highest = last = -1
    for place, number in enumerate(numbers):
        if number > highest:
            below.append(last)
            tops.append(number)
            top_places.append(place)
            highest, last = number, place
            continue
        pile = bisect_left(tops, number)
        below.append(top_places[pile - 1] if pile else -1)
        tops[pile], top_places[pile] = number, place
        highest, last = tops[-1], top_places[-1]
    found: list[int] = []
    while last >= 0:
        found.append(last)
        last = below[last]
    return found
