"""A third pipeline needs a config class, a list of steps, a flow and a row of the registry."""

from pathlib import Path
from typing import Literal

import pytest
from prefect import flow

from flows.pipelines import registry
from flows.pipelines.pipeline import Pipeline, Step
from flows.pipelines.registry import PipelineRow, load, pipeline_of, recipe_of
from flows.runner.inline import run_inline
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from hindsight.cli.main import main
from tasks.common.settings import Config
from tasks.panel.config import PanelConfig, PlantedSource
from tasks.store.refs import ArtifactRef


class TwoPanels(Config):
    """Two panels of one source."""

    pipeline: Literal["two-panels"] = "two-panels"
    name: str
    seeds: tuple[int, int] = (1, 2)


def two_panels_pipeline(config: TwoPanels) -> Pipeline:
    source = PlantedSource(n_stocks=3)
    panels = [PanelConfig(source=source, n_stocks=3, dates_per_stock=30, seed=seed) for seed in config.seeds]
    steps = [Step(f"panel {panel.seed}", "panel", panel) for panel in panels]
    return Pipeline(config.name, tuple(steps))


@flow(name="two-panels", **FLOW_OPTIONS)
def two_panels(recipe: TwoPanels) -> dict[str, ArtifactRef]:
    return run_pipeline(two_panels_pipeline(recipe))


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    row = PipelineRow(TwoPanels, two_panels_pipeline, f"{__name__}.two_panels", forecast=lambda _: [], shown="panel 2")
    monkeypatch.setitem(registry.PIPELINES, row.name, row)
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path))
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    written = tmp_path / "panels.yaml"
    written.write_text("pipeline: two-panels\nname: panels\nseeds: [1, 3]\n")
    return written


def test_a_third_pipeline_is_read_planned_and_run(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = load(file)
    assert chosen == TwoPanels(name="panels", seeds=(1, 3))
    assert recipe_of({"recipe": chosen.model_dump(mode="json")}) == chosen
    assert main(["plan", str(file)]) == 0
    assert "2 of 2" in capsys.readouterr().out
    assert list(run_inline(pipeline_of(chosen))) == ["panel 1", "panel 3"]
    assert main(["plan", str(file)]) == 0
    assert "0 of 2" in capsys.readouterr().out
    assert two_panels.parameters.properties.keys() == {"recipe"}
