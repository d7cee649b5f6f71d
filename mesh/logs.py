"""Structured logs: one JSON object a line on standard output, set up once for each process.

An event is a constant `noun.past_tense`; everything else is a field. Nothing is logged per market
event. `mesh up` reads these lines: `service.ready`, `service.unready` and `service.stopped` are part
of its contract.
"""

import logging
import sys
from typing import Any

import msgspec
import structlog


Log = structlog.typing.FilteringBoundLogger


def set_up(service: str, level: str) -> Log:
    """Configure logging for this process and return its logger, bound to *service*."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)  # libraries: what only they know
    log: Log = structlog.get_logger()
    return log.bind(service=service)


def _json(value: Any, **_ignored: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=str)  # a strange field must not end what is logged
