"""What an expression of PromQL reads: metrics, and labels of them."""

from typing import Any, NamedTuple

import promql_parser as promql


class Reads(NamedTuple):
    """What an expression reads."""

    selected: list[tuple[str, frozenset[str]]]
    """Each metric, with the labels that it is selected by."""
    grouped: frozenset[str]
    """Labels that are named in `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`."""

    @property
    def metrics(self) -> set[str]:
        """The names of all metrics."""
        return {name for name, _ in self.selected}


def reads(expression: str) -> Reads:
    """What *expression* reads.

    Raises:
        ValueError: it is no PromQL.
    """
    selected: list[tuple[str, frozenset[str]]] = []
    grouped: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql.VectorSelector):
            names = frozenset(each.name for each in node.matchers.matchers)
            selected.append((node.name or "", names))
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            grouped.update(node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier is not None:
            matching = node.modifier.matching
            grouped.update(matching.labels if matching is not None else ())
            grouped.update(node.modifier.group_labels or ())

    promql.walk(promql.parse(expression), visit)
    return Reads(selected, frozenset(grouped))
