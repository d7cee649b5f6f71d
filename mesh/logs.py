"""Structured logs: one JSON object a line on standard output, set up once for each process.

An event is a constant `noun.past_tense`; everything else is a field. Nothing is logged per market
event. `mesh up` reads these lines: `service.ready`, `service.unready` and `service.stopped` are part
of its contract.

How severe a line must be can be changed while the program runs: `set_level` gives the class of all
loggers other methods, so that a line that is left out costs as little as ever.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog


Log = structlog.typing.FilteringBoundLogger
Line = Mapping[str, Any]
"""The fields of a line, with its `event` and `level`."""
_sinks: list[Callable[[Line], None]] = []


class _Leveled(structlog.make_filtering_bound_logger("debug")):  # type: ignore[misc]  # made at run time
    """The logger of every part of a process."""


def set_level(level: str) -> None:
    """Write lines of *level* and of more severe ones from now on, whoever has a logger already."""
    for name, method in vars(structlog.make_filtering_bound_logger(level)).items():
        if not name.startswith("__"):
            setattr(_Leveled, name, method)


def set_up(service: str, level: str) -> Log:
    """Configure logging for this process and return its logger, bound to *service*."""
    set_level(level)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _copy,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=_Leveled,
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)  # libraries: what only they know
    log: Log = structlog.get_logger()
    return log.bind(service=service)


def copy_to(sink: Callable[[Line], None] | None) -> None:
    """Give each line that is written from now on to *sink* as well; None: to nobody any more."""
    _sinks[:] = [] if sink is None else [sink]


def _copy(logger: Any, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    del logger, method
    for sink in _sinks:
        sink(line)
    return line


def _json(value: Any, **_ignored: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=str)  # a strange field must not end what is logged
