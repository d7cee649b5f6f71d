"""What holds of every oracle test."""

from collections.abc import Iterator

import pytest
from coverage import Coverage


@pytest.fixture(scope="module", autouse=True)
def _untraced() -> Iterator[None]:
    """Millions of events are folded, by code that other tests count: under the tracer that takes much longer."""
    tracer = Coverage.current()
    if tracer is None:
        yield
        return
    tracer.stop()
    yield
    tracer.start()
