"""Log lines as others read them: one JSON object each, whatever is said."""

from typing import Any

import msgspec
import pytest

from mesh.logs import set_up


Written = pytest.CaptureFixture[bytes]


def _records(written: Written) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in written.readouterr().out.splitlines()]


def test_record_is_one_line_of_json(capsysbinary: Written) -> None:
    """A record is one line, even if what it says has several."""
    set_up("boards", "info").info("service.ready", names=["a", "b"], text="one\ntwo", share=0.5)
    (record,) = _records(capsysbinary)

    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "service": "boards", "event": "service.ready", "level": "info", "names": ["a", "b"],
        "text": "one\ntwo", "share": 0.5,
    }  # fmt: skip


def test_less_severe_records_are_left_out(capsysbinary: Written) -> None:
    """Below the level that was asked for nothing is written."""
    log = set_up("boards", "warning")
    log.info("service.ready")
    log.warning("boards.delayed")

    assert [record["event"] for record in _records(capsysbinary)] == ["boards.delayed"]


def test_exception_is_part_of_its_record(capsysbinary: Written) -> None:
    """A traceback does not spill over the lines of others."""
    log = set_up("boards", "info")
    try:
        int("three\nlines\nlong")
    except ValueError:
        log.exception("service.failed")
    (record,) = _records(capsysbinary)

    assert "\nValueError: " in record["exception"]
