"""Alert rules: promtool accepts them, each fires when it must and not otherwise, and each says what to do."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.control.health import NEEDED
from tests.monitoring.expressions import reads
from tests.monitoring.promtool import promtool
from tests.monitoring.shipped import ALERT_TESTS, Rule, alerts, dashboards, rules, write_rules


def _expected(path: Path) -> list[tuple[str, bool]]:
    """The alerts that a file of tests looks at, each time with whether it is to fire."""
    decoded: dict[str, Any] = msgspec.yaml.decode(path.read_bytes())
    return [
        (check["alertname"], bool(check["exp_alerts"]))
        for test in decoded["tests"]
        for check in test["alert_rule_test"]
    ]


_EXPECTED = [expected for path in ALERT_TESTS for expected in _expected(path)]


def test_rules_are_accepted(tmp_path: Path) -> None:
    """Prometheus takes every rule of the manifest, with its templates."""
    write_rules(tmp_path, annotations={"summary", "description", "dashboard", "runbook_url"})

    verdict = promtool("check", "rules", "rules.yaml", folder=tmp_path)

    assert verdict.is_good, verdict.said
    assert f"{len(rules())} rules found" in verdict.said


@pytest.mark.parametrize("path", ALERT_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_must(tmp_path: Path, path: Path) -> None:
    """Series that mean trouble make each alert fire with the right figures in its summary, those beside it do not."""
    write_rules(tmp_path, annotations={"summary"})
    shutil.copy(path, tmp_path)

    verdict = promtool("test", "rules", path.name, folder=tmp_path)

    assert verdict.is_good, verdict.said


def test_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    """A test that expects nothing of a rule that fires fails: what is green above was looked at."""
    write_rules(tmp_path, annotations=set())
    case = {
        "interval": "15s",
        "input_series": [{"series": 'tickmesh_canary_state{verdict="missing"}', "values": "1x20"}],
        "alert_rule_test": [
            {"eval_time": "4m", "alertname": "TickmeshCanaryLost", "exp_alerts": []}
        ],
    }
    tests = {"rule_files": ["rules.yaml"], "evaluation_interval": "15s", "tests": [case]}
    (tmp_path / "tests.yaml").write_bytes(msgspec.yaml.encode(tests))

    verdict = promtool("test", "rules", "tests.yaml", folder=tmp_path)

    assert not verdict.is_good
    assert "TickmeshCanaryLost" in verdict.said


@pytest.mark.parametrize("alert", alerts(), ids=lambda rule: rule.name)
def test_alert_is_tested_both_ways(alert: Rule) -> None:
    """For each alert a series is given that makes it fire, and one that does not."""
    assert (alert.name, True) in _EXPECTED
    assert (alert.name, False) in _EXPECTED


def test_tests_are_of_alerts_that_exist() -> None:
    """promtool is content with an alert that does not exist and does not fire, so no test may be of one."""
    assert {name for name, _ in _EXPECTED} <= {alert.name for alert in alerts()}


@pytest.mark.parametrize("alert", alerts(), ids=lambda rule: rule.name)
def test_alert_says_what_to_do(alert: Rule) -> None:
    """Each alert has a severity, a summary with the figures, a description for a person, a dashboard and a place in the runbook."""
    told = alert.annotations

    assert alert.labels.keys() == {"severity"}
    assert alert.labels["severity"] in ("critical", "warning")
    assert told.keys() == {"summary", "description", "dashboard", "runbook_url"}
    assert "{{" not in told["description"]
    assert told["dashboard"] in {each["uid"] for each in dashboards().values()}
    assert told["runbook_url"] == f"kustomize/RUNBOOK.md#{alert.name.lower()}"


def test_names_of_rules_are_unique() -> None:
    """No two rules have the same name: a runbook has one section for each."""
    names = [rule.name for rule in rules()]

    assert len(names) == len(set(names))


def test_every_needed_program_is_missed() -> None:
    """What the control plane calls a program without which something is missing, the alert of programs misses too."""
    [down] = [alert for alert in alerts() if alert.name == "TickmeshProgramDown"]

    missed = {program for program in NEEDED if f'{{program="{program}"}} == 1' in down.expr}
    assert missed == set(NEEDED)
    assert reads(down.expr).metrics == {"tickmesh_program_ready"}
