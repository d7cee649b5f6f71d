"""Sums over the last steps of time of each symbol.

A window ends with a step that the caller names and moves by whole steps. What is kept is the running
total at the end of each step, so that a sum is the difference of two of them, however long the
window is. They are in whole millionths of shares and dollars: integers, so that no order of additions
matters, and what has left a window leaves nothing behind.
"""

from collections.abc import Sequence

import numpy as np

from schemas.columns import Places
from services.processors.grouped import rank_in_group
from services.processors.sheet import Blank, Floats, Ints, Sheet


MILLION = 1_000_000
_MOST = float(1 << 62)
"""Of one step; beyond it nothing is added, for the sum could not hold it."""
_NEVER = -(1 << 40)
"""A step before all others."""
_SECOND_BITS = 34


def millionths(amounts: Floats) -> Ints:
    """Shares or dollars in the unit of the sums."""
    return np.clip(np.rint(amounts * MILLION), -_MOST, _MOST).astype(np.int64)


class Window:
    """What was counted in each of the last *steps* of *step_s* seconds, of every symbol.

    Args:
        names: of what is counted; `add` and `sums` have one array for each, in this order. Where nothing of the
            first was counted in a step, there is nothing of the others.
    """

    def __init__(self, step_s: int, steps: int, names: Sequence[str]) -> None:
        totals: dict[str, Blank] = {f"{name}_total": (0, 0) for name in names}
        kept: dict[str, Blank] = dict.fromkeys(names, (0, steps + 1))
        self._sheet = Sheet({"newest": (_NEVER, 0)} | totals | kept)
        self._step_s = step_s
        self._slots = steps + 1
        self._names = names

    @property
    def _newest(self) -> Ints:
        """The newest step that something was counted in."""
        newest: Ints = getattr(self._sheet, "newest")  # noqa: B009 (columns are named by data)
        return newest

    def _total(self, name: str) -> Ints:
        """Of all steps, by symbol."""
        total: Ints = getattr(self._sheet, f"{name}_total")
        return total

    def _kept(self, name: str) -> Ints:
        """The totals at the ends of the last steps; slots are taken in turn."""
        kept: Ints = getattr(self._sheet, name)
        return kept

    def grow(self, symbols: int) -> None:
        """Have places for so many *symbols*."""
        self._sheet.grow(symbols)

    def add(self, at: Places, seconds: Ints, amounts: Sequence[Ints]) -> None:
        """Count *amounts* of symbols, each once, in *seconds* since the epoch."""
        steps = seconds // self._step_s
        gap = steps - self._newest[at]
        back = gap < 0
        if back.any():
            self._add_back(at[back], -gap[back], [amount[back] for amount in amounts])
            on = ~back
            at, steps, gap, amounts = at[on], steps[on], gap[on], [each[on] for each in amounts]
        slot = steps % self._slots
        rested = np.flatnonzero(gap > 1)
        for name, amount in zip(self._names, amounts, strict=True):
            total, kept = self._total(name), self._kept(name)
            if rested.size:  # nothing was counted in the steps between
                places = at[rested]
                age = (slot[rested, None] - np.arange(self._slots)) % self._slots
                passed = (age > 0) & (age < gap[rested, None])
                kept[places] = np.where(passed, total[places, None], kept[places])
            total[at] += amount
            kept[at, slot] = total[at]
        self._newest[at] = steps

    def _add_back(self, at: Places, ages: Ints, amounts: Sequence[Ints]) -> None:
        """Count in steps before the newest: in every total since then."""
        slot_ages = ((self._newest[at] % self._slots)[:, None] - np.arange(self._slots)) % self._slots  # fmt: skip
        since = slot_ages <= ages[:, None]
        for name, amount in zip(self._names, amounts, strict=True):
            self._total(name)[at] += amount
            self._kept(name)[at] += since * amount[:, None]

    def add_many(self, at: Places, seconds: Ints, amounts: Sequence[Ints]) -> None:
        """Count *amounts* of symbols that may come more than once."""
        keys, which = np.unique((at << _SECOND_BITS) | seconds, return_inverse=True)
        sums = [np.zeros(len(keys), dtype=np.int64) for _ in amounts]
        for found, amount in zip(sums, amounts, strict=True):
            np.add.at(found, which, amount)
        places, seconds = keys >> _SECOND_BITS, keys & ((1 << _SECOND_BITS) - 1)
        turn = rank_in_group(places)
        for number in range(int(turn.max(initial=-1)) + 1):
            now = turn == number
            self.add(places[now], seconds[now], [each[now] for each in sums])

    def sums(self, at: Places, seconds: Ints, lengths: Sequence[int]) -> list[list[Ints]]:
        """Of each name, over each of *lengths* steps that end with that of *seconds*, which is no older than the newest."""
        steps, newest = seconds // self._step_s, self._newest[at]
        found: list[list[Ints]] = []
        for name in self._names:
            total = self._total(name)[at]
            found.append([total - self._until(name, at, steps - each, newest, total) for each in lengths])  # fmt: skip
        return found

    def _until(self, name: str, at: Places, steps: Ints, newest: Ints, total: Ints) -> Ints:
        """The totals at the ends of *steps*."""
        kept = self._kept(name)[at, steps % self._slots]
        return np.where(steps >= newest, total, kept)

    def steps_since_first(self, at: Places, name: str) -> Ints:
        """Steps from the first in the window until the newest that has any of *name* to the newest, both counted; 0 without."""
        newest = self._newest[at]
        before = self._kept(name)[at, (newest + 1) % self._slots]
        found: Ints = (self._kept(name)[at] > before[:, None]).sum(axis=1)
        return found

    def clear(self, places: Places) -> None:
        """Begin anew with the symbols at *places*."""
        self._sheet.clear(places)

    def dump(self, at: Places) -> dict[str, bytes]:
        """Only what was counted, for most steps of most symbols are empty; what has left the window is forgotten."""
        newest = self._newest[at]
        oldest = (newest + 1) % self._slots
        cells: Places | None = None
        dumped = {"newest": newest.tobytes()}
        for name in self._names:
            kept = self._kept(name)[at]
            counted = kept - np.roll(kept, 1, axis=1)
            counted[np.arange(len(at)), oldest] = 0
            if cells is None:
                cells = np.flatnonzero(counted)
                dumped["cells"] = cells.astype(np.int32).tobytes()
            dumped[name] = counted.reshape(-1)[cells].tobytes()
        return dumped

    def load(self, at: Places, dumped: dict[str, bytes]) -> None:
        """Become what was dumped. Raises ValueError if that is of other amounts, or of more steps."""
        columns = {"newest", "cells", *self._names}
        if dumped.keys() != columns:
            raise ValueError(f"a window must have {sorted(columns)}, was {sorted(dumped)}")
        self.grow(int(at.max(initial=-1)) + 1)
        self._newest[at] = np.frombuffer(dumped["newest"], dtype=np.int64)
        cells = np.frombuffer(dumped["cells"], dtype=np.int32)
        if cells.max(initial=-1) >= len(at) * self._slots:
            raise ValueError(f"a window must have {self._slots - 1} steps, had more")
        order = (self._newest[at, None] + 1 + np.arange(self._slots)) % self._slots
        for name in self._names:
            counted = np.zeros(len(at) * self._slots, dtype=np.int64)
            counted[cells] = np.frombuffer(dumped[name], dtype=np.int64)
            in_order = np.take_along_axis(counted.reshape(len(at), self._slots), order, axis=1)
            totals = np.cumsum(in_order, axis=1)
            kept = np.empty_like(totals)
            np.put_along_axis(kept, order, totals, axis=1)
            self._kept(name)[at] = kept
            self._total(name)[at] = totals[:, -1]
