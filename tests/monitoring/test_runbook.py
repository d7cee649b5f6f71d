"""The runbook: a section for each alert and no other, whose commands and metrics exist."""

import re
import shlex

import pytest

from services.__main__ import _parser
from services.telemetry.events import found
from tests.monitoring.metrics import known
from tests.monitoring.shipped import ROOT, RUNBOOK, alerts, dashboards, panels


_TEXT = RUNBOOK.read_text()
_SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", _TEXT, re.MULTILINE | re.DOTALL))
_CODE = re.findall(r"`([^`\n]+)`", _TEXT)
_COMMANDS = sorted({code for code in _CODE if code.startswith("mesh ")})
_METRICS = sorted(
    {
        name
        for code in _CODE
        for name in re.findall(r"\b(?:tickmesh|gnatsd|jetstream|kube|certmanager)_\w+", code)
    }
)
_EVENTS = sorted({code for code in _CODE if re.fullmatch(r"[a-z_]+\.[a-z_]+", code)})
_LOGGED = {each.name for each in found(ROOT)}
_PANELS = [
    (title, re.sub(r"^(panels?|the table) ", "", name.strip()))
    for title, names in re.findall(r"\*(tickmesh: [^*]+)\*(?:, ([^;.:]+))?", _TEXT)
    for name in re.split(r", | and |\n", names)
]
_PARTS = ("**Means**", "**See**", "**Causes**", "**Do**", "**Do not**")


def test_each_alert_has_its_section() -> None:
    """Who is woken finds a section of the alert's name, and no section is of an alert that is gone."""
    assert list(_SECTIONS) == [alert.name for alert in alerts()]


@pytest.mark.parametrize("name", list(_SECTIONS))
def test_section_has_all_parts(name: str) -> None:
    """Each section says what it means for whoever trades, how to see it, why it may be, what to do and what not."""
    places = [_SECTIONS[name].find(part) for part in _PARTS]

    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("command", _COMMANDS)
def test_command_exists(command: str) -> None:
    """Every `mesh …` of the runbook is understood by the command line as it is."""
    _parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("metric", _METRICS)
def test_metric_exists(metric: str) -> None:
    """Every metric that the runbook names is one that a rule or a dashboard could read."""
    assert metric in known()


@pytest.mark.parametrize("event", _EVENTS)
def test_log_event_exists(event: str) -> None:
    """Every event that one is told to look for in a log is logged somewhere."""
    assert event in _LOGGED


@pytest.mark.parametrize(("title", "panel"), sorted(set(_PANELS)))
def test_panel_exists(title: str, panel: str) -> None:
    """Every dashboard is called so, and has a panel whose name begins as the runbook calls it."""
    [dashboard] = [each for each in dashboards().values() if each["title"] == title]

    assert any(each["title"].lower().startswith(panel.lower()) for each in panels(dashboard))
