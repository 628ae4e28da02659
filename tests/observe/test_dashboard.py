"""Grafana's dashboard: of Grafana's own types, and of metrics that exist."""

import json
import re
import runpy
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import REGISTRY

from flows.observe.metrics import FAMILIES
from tasks.common.settings import project_root

FILE = project_root() / "infra" / "grafana" / "hindsight.json"
PROMQL = {"sum", "max", "by", "rate", "vector", "or", "label_values"}


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def queries(dashboard: dict[str, Any]) -> list[str]:
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def metrics_in(query: str) -> set[str]:
    """Names in a query: words that are neither labels, values, durations nor PromQL's own."""
    query = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|on) *\([^)]*\)", " ", query)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", query)) - PROMQL


def test_the_file_is_what_its_script_writes() -> None:
    written = runpy.run_path(str(FILE.with_name("dashboard.py")))["dashboard"]()
    assert FILE.read_text() == written, "run `python infra/grafana/dashboard.py`"


def test_grafanas_types_read_it_and_write_it_again(dashboard: dict[str, Any]) -> None:
    register_default_plugins()
    read = Dashboard.from_json(json.loads(FILE.read_text()))
    assert json.loads(JSONEncoder().encode(read)) == dashboard
    assert all(panel.targets for panel in read.panels if panel.type_val != "row")


def test_every_metric_it_asks_for_exists_and_every_metric_is_shown(dashboard: dict[str, Any]) -> None:
    own = {family.name for family in FAMILIES}
    # Prefect's server serves the default registry of the same library.
    of_processes = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    asked = set().union(*map(metrics_in, queries(dashboard)))
    assert asked - own - of_processes == set()
    assert own - asked == {"hindsight_pool_limit_runs"}


def test_labels_it_sorts_by_are_the_metrics_own(dashboard: dict[str, Any]) -> None:
    labels = {family.name: set(family.labels) for family in FAMILIES}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            known = set.union(*(labels.get(name, {"instance", "job"}) for name in metrics_in(target["expr"])))
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            named |= set(re.findall(r"(\w+)=~?\"", target["expr"]))
            assert named <= known, panel["title"]


def test_panels_do_not_lie_on_each_other(dashboard: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
