"""What holds of every system test."""

import pytest


@pytest.fixture(autouse=True)
def _programs_run_untraced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs run as a person would run them, not at half their speed under coverage; those of `traced` tests count."""
    if request.node.get_closest_marker("traced") is None:
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
