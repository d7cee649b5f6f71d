"""Every metric and every label that a rule or a dashboard reads exists."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.monitoring.expressions import reads
from tests.monitoring.metrics import FOREIGN, known
from tests.monitoring.promtool import promtool
from tests.monitoring.shipped import Query, queries


_LEGEND = re.compile(r"{{\s*(\w+)\s*}}")
_MADE = re.compile(r'label_replace\(.*?, "(\w+)", "')
"""Labels that an expression makes itself."""

_QUERIES = queries()
_KNOWN = known()


@pytest.mark.parametrize("query", _QUERIES, ids=lambda query: query.place)
def test_metrics_and_labels_exist(query: Query) -> None:
    """What is selected is declared in mesh/instruments.py, recorded by a rule or on the list of others', and so is each label."""
    read = reads(query.expression)

    assert read.metrics <= _KNOWN.keys()
    for metric, labels in read.selected:
        assert labels <= _KNOWN[metric], metric
    of_any = frozenset[str]().union(*(_KNOWN[metric] for metric in read.metrics))
    made = set(_MADE.findall(query.expression))
    assert read.grouped <= of_any
    assert set(_LEGEND.findall(query.legend)) <= of_any | made


def test_expressions_are_accepted(tmp_path: Path) -> None:
    """Prometheus understands every expression of every dashboard."""
    rules = [
        {"record": f"query:{place}", "expr": query.expression}
        for place, query in enumerate(_QUERIES)
    ]
    content = {"groups": [{"name": "queries", "rules": rules}]}
    (tmp_path / "queries.yaml").write_bytes(msgspec.yaml.encode(content))

    verdict = promtool("check", "rules", "queries.yaml", folder=tmp_path)

    assert verdict.is_good, verdict.said
    assert f"{len(rules)} rules found" in verdict.said


def test_list_of_others_has_nothing_too_much() -> None:
    """Each metric of others is read somewhere."""
    read = {metric for query in _QUERIES for metric in reads(query.expression).metrics}

    assert FOREIGN.keys() <= read
