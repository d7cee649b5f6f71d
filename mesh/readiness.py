"""Whether a program does its job now: its parts say so, `/readyz` and `mesh up` want to know.

A program is ready once it has said so, and while none of its conditions is lost. Any part may have
a condition, and objects by its name: the connection has `broker` by itself, in every program.
"""

from contextvars import ContextVar
from typing import Any

from mesh.logs import Log
from schemas.wire import Wire


PROGRAM = "program"
"""The condition that a program itself speaks for."""


class Report(Wire, frozen=True):
    """What `/readyz` answers."""

    ready: bool
    reasons: dict[str, str]
    """Why it is not ready, by condition; empty if it is."""
    facts: dict[str, Any]
    """What a person wants to know of a program that was ready at least once."""


class Readiness:
    """The conditions of a program that are not met. Each change is logged once."""

    def __init__(self, log: Log) -> None:
        self.facts: dict[str, Any] = {}
        self.reasons = {PROGRAM: "is starting"}
        self._log = log

    def change(self, name: str, reason: str) -> None:
        """The condition *name* is lost for a *reason*, or met if that is empty."""
        if self.reasons.get(name, "") == reason:
            return
        self.reasons.pop(name, None)
        if reason:
            self.reasons[name] = reason
        if self.reasons:
            self._log.warning("service.unready", **self.reasons)
        else:
            self._log.info("service.ready", **self.facts)


class Condition:
    """Something without which a program is not ready; met until it is said to be lost."""

    def __init__(self, name: str, readiness: Readiness | None) -> None:
        self._name = name
        self._readiness = readiness

    def lost(self, reason: str) -> None:
        """The program cannot do its job, because of *reason*."""
        if self._readiness is not None:
            self._readiness.change(self._name, reason)

    def met(self) -> None:
        """Nothing here keeps the program from its job."""
        if self._readiness is not None:
            self._readiness.change(self._name, "")


OF_PROGRAM: ContextVar[Readiness | None] = ContextVar("readiness", default=None)
"""Of the program that runs in this context. What is opened on its behalf finds it without being told."""


def condition(name: str) -> Condition:
    """A condition of the program that runs here; without effect outside one, as in a command."""
    return Condition(name, OF_PROGRAM.get())
