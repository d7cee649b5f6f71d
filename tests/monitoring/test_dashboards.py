"""Dashboards: Grafana knows every part of them, and every panel says what it shows."""

import re
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from tests.monitoring.grafana import unknown
from tests.monitoring.metrics import known
from tests.monitoring.shipped import FOLDER, dashboards, panels


NAMES = ("feed", "nats", "overview", "partitions", "pipeline", "widgets")
_LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")
_DASHBOARDS = dashboards()


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of a dashboard."""
    return str(request.param)


def test_all_are_there() -> None:
    """The manifests take these files by their names."""
    assert tuple(_DASHBOARDS) == NAMES


def test_dashboard_is_grafanas(name: str) -> None:
    """Read and written by Grafana's own types, a dashboard is what it was."""
    assert not unknown(_DASHBOARDS[name])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda panel: panel.update(titel="x"),
        lambda panel: panel["options"].update(colourMode="x"),
        lambda panel: panel["fieldConfig"]["defaults"].update(units="s"),
    ],
)
def test_misspelt_part_is_noticed(spoil: Any) -> None:
    """A name that Grafana does not know, of a panel, of its options or of its fields, fails."""
    dashboard = deepcopy(_DASHBOARDS["overview"])
    spoil(next(panels(dashboard)))

    assert unknown(dashboard)


def test_dashboards_fit_into_an_annotation() -> None:
    """`kubectl apply` writes the whole ConfigMap into an annotation, which may have 256 KiB: with two spaces a level they do not fit."""
    files = {path.name: path.read_text() for path in (FOLDER / "dashboards").iterdir()}

    assert len(msgspec.json.encode(files)) < 240 * 1024


def test_ids_are_unique(name: str) -> None:
    """A dashboard is found by its uid, and each panel by its id: a link to one goes to no other."""
    dashboard = _DASHBOARDS[name]
    ids = [panel["id"] for panel in dashboard["panels"]]

    assert dashboard["uid"] == f"tickmesh-{name}"
    assert "id" not in dashboard
    assert len(ids) == len(set(ids))


def test_panels_lie_side_by_side(name: str) -> None:
    """No two panels cover each other, and none reaches beyond the 24 columns."""
    covered: set[tuple[int, int]] = set()

    for panel in _DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & covered, panel["title"]
        assert place["x"] + place["w"] <= 24
        covered |= cells


def test_panels_say_what_they_show(name: str) -> None:
    """Each panel has a title of its own, a sentence about it, a unit, and queries of the chosen Prometheus."""
    shown = list(panels(_DASHBOARDS[name]))

    assert len({panel["title"] for panel in shown}) == len(shown)
    for panel in shown:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        if panel["type"] in ("stat", "timeseries"):
            assert panel["fieldConfig"]["defaults"]["unit"]


def test_panels_are_of_the_chosen_mesh(name: str) -> None:
    """Every query asks for the chosen namespace, so that two meshes in one Prometheus are told apart."""
    for panel in panels(_DASHBOARDS[name]):
        for target in panel["targets"]:
            assert 'namespace=~"$namespace"' in target["expr"], panel["title"]


def test_variables_have_values(name: str) -> None:
    """Each variable is chosen among the values of a label that its metric has, and is used."""
    dashboard = _DASHBOARDS[name]
    expressions = " ".join(
        target["expr"] for panel in panels(dashboard) for target in panel["targets"]
    )

    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert found is not None
            assert found[2] in known()[found[1]]
            assert f'=~"${variable["name"]}"' in expressions
