"""Which processes of which version are there: what is said of each program."""

import pytest

from services.smoke.check import Wrong
from services.smoke.instances import Instance, judged


ONE = Instance("boards", "boards-1", "host-1", "2.0.0")
TWO = Instance("boards", "boards-2", "host-2", "2.0.0")
OLD = Instance("boards", "boards-0", "host-3", "1.9.0")
OTHER = Instance("news", "news-1", "host-1", "1.9.0")


def test_all_of_the_version_are_counted() -> None:
    """Processes of other programs do not count, whatever they are."""
    assert judged("boards", [ONE, TWO, OTHER], "2.0.0") == "2.0.0, 2 processes"
    assert judged("boards", [ONE], "2.0.0") == "2.0.0, 1 process"


def test_old_process_is_named() -> None:
    """One old process among new ones is enough; a person reads which it is and where."""
    said = judged("boards", [ONE, OLD], "2.0.0")

    assert isinstance(said, Wrong)
    assert said.found == "1.9.0 in boards-0 on host-3"
    assert said.expected == "2.0.0"


@pytest.mark.parametrize("there", [[], [OTHER]])
def test_program_that_nobody_answers_for_is_missing(there: list[Instance]) -> None:
    """That others answer does not help."""
    said = judged("boards", there, "1.9.0")

    assert isinstance(said, Wrong)
    assert "nobody answers" in said.found
