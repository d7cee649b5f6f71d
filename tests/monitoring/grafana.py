"""Grafana's own schema of dashboards, of its foundation SDK: what it does not know, Grafana drops without a word."""

from collections.abc import Iterator
from typing import Any

import msgspec
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


OF_PROMETHEUS = ".annotations.list[].titleFormat"
"""Of annotations that are queries of Prometheus; the schema leaves it to the data source."""

register_default_plugins()


def unknown(dashboard: dict[str, Any]) -> set[str]:
    """Paths of *dashboard* that Grafana does not know, or takes for something else."""
    encoded = JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dashboard))
    return set(_differing(dashboard, msgspec.json.decode(encoded), "")) - {OF_PROMETHEUS}


def _differing(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name in theirs:
                yield from _differing(value, theirs[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            yield from _differing(one, other, f"{path}[]")
    elif ours != theirs:
        yield path
