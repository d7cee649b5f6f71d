"""How the order of a table has changed: as few rows as can be are put elsewhere."""

from bisect import bisect_left
from collections.abc import Sequence


Moves = list[tuple[int, str]]
"""New places, ascending, and who is there."""


def origins(before: Sequence[str], now: Sequence[str]) -> list[int]:
    """Where in *before* each of *now* was; −1 for those that were not there."""
    places = {symbol: place for place, symbol in enumerate(before)}
    return [places.get(symbol, -1) for symbol in now]


def moved(
    before: Sequence[str], now: Sequence[str], came_from: list[int]
) -> tuple[list[str], Moves]:
    """Who has gone, and the fewest symbols that must be put elsewhere to make *now* of *before*.

    *came_from* are the `origins` of *now*.
    """
    first, last = 0, 0
    least = min(len(before), len(now))
    while first < least and came_from[first] == first:
        first += 1
    while last < least - first and came_from[-1 - last] == len(before) - 1 - last:
        last += 1
    here = came_from[first : len(now) - last]
    stay = _longest_rise(here)
    moves = [
        (place, now[place]) for place in range(first, len(now) - last) if place - first not in stay
    ]
    if first + last + len(here) - here.count(-1) == len(before):
        return [], moves
    kept = set(here)
    return [before[place] for place in range(first, len(before) - last) if place not in kept], moves


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """Places of a longest strictly increasing subsequence of those *numbers* that are not negative (patience sorting)."""
    tops: list[int] = []
    top_places: list[int] = []
    below = [-1] * len(numbers)
    for place, number in enumerate(numbers):
        if number < 0:
            continue
        pile = bisect_left(tops, number)
        if pile:
            below[place] = top_places[pile - 1]
        if pile == len(tops):
            tops.append(number)
            top_places.append(place)
        else:
            tops[pile], top_places[pile] = number, place
    found: set[int] = set()
    place = top_places[-1] if top_places else -1
    while place >= 0:
        found.add(place)
        place = below[place]
    return found
