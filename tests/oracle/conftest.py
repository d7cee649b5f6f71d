"""What holds of every oracle test."""

from collections.abc import Iterator

import pytest
from coverage import Coverage


@pytest.fixture(scope="module", autouse=True)
def _untraced() -> Iterator[None]:
    """Millions of events are folded and asked for by queries: under the tracer that took a third of all tests' time."""
    tracer = Coverage.current()
    if tracer is None:
        yield
        return
    tracer.stop()
    yield
    tracer.start()
