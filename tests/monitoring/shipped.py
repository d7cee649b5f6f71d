"""What is shipped for monitoring, as values: rules, dashboards, and every expression in them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import field


ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "kustomize" / "components" / "monitoring"
RUNBOOK = ROOT / "kustomize" / "RUNBOOK.md"
ALERT_TESTS = sorted((Path(__file__).parent / "alerts").glob("*.yaml"))


class Rule(msgspec.Struct, frozen=True):
    """A recording rule or an alert."""

    expr: str
    record: str = ""
    alert: str = ""
    held: str = field(default="", name="for")
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of what it records, or of the alert."""
        return self.record or self.alert


class Query(NamedTuple):
    """An expression, and where it stands."""

    place: str
    expression: str
    legend: str = ""


def manifest() -> dict[str, Any]:
    """The PrometheusRule."""
    decoded: dict[str, Any] = msgspec.yaml.decode((FOLDER / "rules.yaml").read_bytes())
    return decoded


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of the manifest, in its order."""
    groups = manifest()["spec"]["groups"]
    return tuple(msgspec.convert(rule, Rule) for group in groups for rule in group["rules"])


def write_rules(folder: Path, *, annotations: set[str], interval: str = "15s") -> None:
    """Write the rules as Prometheus reads them, to be looked at each *interval*; of their annotations only *annotations*."""
    spec = manifest()["spec"]
    for group in spec["groups"]:
        group["interval"] = interval
        for rule in group["rules"]:
            told = rule.get("annotations", {})
            rule["annotations"] = {name: told[name] for name in annotations & told.keys()}
    (folder / "rules.yaml").write_bytes(msgspec.yaml.encode(spec))


def alerts() -> list[Rule]:
    """Those that tell somebody."""
    return [rule for rule in rules() if rule.alert]


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards, by the name of their file."""
    paths = sorted((FOLDER / "dashboards").glob("*.json"))
    return {path.stem: msgspec.json.decode(path.read_bytes()) for path in paths}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, of folded rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def queries() -> list[Query]:
    """Every expression of the rules and of the dashboards, its variables put in."""
    of_rules = [Query(rule.name, rule.expr) for rule in rules()]
    of_panels = [
        Query(
            f"{name}: {panel['title']}", with_variables(target["expr"]), target.get("legendFormat", "")
        )
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel.get("targets", ())
    ]  # fmt: skip
    return of_rules + of_panels


def with_variables(expression: str) -> str:
    """*expression* as Grafana asks it: of everything, over five minutes."""
    for name, value in (("$__rate_interval", "5m"), ("$__range", "1h"), ("$__interval", "15s")):
        expression = expression.replace(name, value)
    for name in ("namespace", "instance", "program", "class", "partition", "stream"):
        expression = expression.replace(f"${name}", ".*")
    return expression
