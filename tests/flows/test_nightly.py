"""New prices are measured with the existing model; without new prices nothing starts; nothing ever trains."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.deployments import run_deployment

from flows.nightly import NoTrainedModel, nightly
from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.runner.inline import run_inline
from flows.runs.existing_reports import missing_model_steps
from tasks.common.settings import project_root
from tasks.panel.config import CsvSource
from tasks.recipe import Recipe, load_recipe
from tasks.store.store import open_store
from tests.flows.scheduled import NIGHTLY, latest_table
from tests.flows.stage_runs import finished
from tests.local_stack import Stack

pytestmark = pytest.mark.server


@pytest.fixture
def client(on_stack: Stack) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def write_prices(file: Path, n_days: int) -> None:
    """Twelve stocks' random walks from July 2020 on."""
    closes = 100 * np.exp(np.random.default_rng(0).normal(0, 0.02, (12, n_days)).cumsum(axis=1))
    days = pd.bdate_range("2020-07-01", periods=n_days)
    table = pd.DataFrame(closes.T, index=days, columns=[f"S{code}" for code in range(12)])
    long = table.rename_axis(index="Date", columns="SecuritiesCode").stack().rename("Close").reset_index()
    long.to_csv(file, index=False)


@pytest.fixture
def recipe(on_stack: Stack, tmp_path: Path) -> Recipe:
    """The smoke recipe's model, measured on a price file of the test's own as quickly as can be."""
    smoke = load_recipe(project_root() / "configs" / "smoke.yaml")
    if missing_model_steps(smoke, open_store()):
        trained = on_stack.local("follow", "leakage-premium/smoke")
        assert trained.returncode == 0, trained.stdout + trained.stderr
    return Recipe.model_validate(
        {
            **smoke.model_dump(),
            "name": "smoke-nightly",
            "panel": {"source": CsvSource(csv=str(tmp_path / "prices.csv")), "n_stocks": 12, "dates_per_stock": 5},
            "embed": {"undated": False},
            "premium": {"n_draws": 10, "robust": None},
            "route": {"embed": "cpu", "merge": "cpu"},
        }
    )


@pytest.fixture
def started(client: SyncPrefectClient) -> Callable[[], list[str]]:
    """Names of the runs of this recipe since the test began."""

    def runs() -> list[FlowRun]:
        tags = FlowRunFilterTags(all_=["recipe:smoke-nightly"])
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=tags))

    before = {run.id for run in runs()}
    return lambda: sorted(run.name for run in runs() if run.id not in before)


@pytest.mark.trainer
@pytest.mark.slow
def test_new_prices_are_measured_with_the_trained_model_that_stands_and_the_same_prices_not_again(
    on_stack: Stack, client: SyncPrefectClient, recipe: Recipe, started: Callable[[], list[str]], tmp_path: Path
) -> None:
    write_prices(tmp_path / "prices.csv", 260)
    run_inline(leakage_premium_pipeline(recipe))
    assert "nothing is started: these prices are measured already" in nightly("leakage-premium/smoke", recipe)
    assert started() == []

    write_prices(tmp_path / "prices.csv", 300)
    parameters = {"deployment": "leakage-premium/smoke", "recipe": recipe.model_dump(mode="json")}
    night = finished(run_deployment(NIGHTLY, parameters=parameters, timeout=0, as_subflow=False))
    assert night.state.is_completed(), night.state.message
    steps = {name.removeprefix("smoke-nightly: ") for name in started()} - {"smoke-nightly"}
    assert steps == {"panel", "preflight", "embed base", "embed trained", "premium", "report"}

    reduction, prices, *_ = latest_table(client, "nightly-smoke-nightly")
    assert reduction["figure"] == "base - trained: premium"
    assert float(reduction["before"]) != float(reduction["now"])
    assert prices["before"] != prices["now"]
    assert "nothing is started" in nightly("leakage-premium/smoke", recipe)


@pytest.mark.trainer
def test_a_nightly_run_refuses_to_train(recipe: Recipe, started: Callable[[], list[str]], tmp_path: Path) -> None:
    write_prices(tmp_path / "prices.csv", 280)
    untrained = recipe.model_copy(update={"train": recipe.train.model_copy(update={"learning_rate": 3e-3})})
    with pytest.raises(NoTrainedModel, match=r"has no trained model in .*: train, merge would run, and a nightly run"):
        nightly("leakage-premium/smoke", untrained)
    assert started() == []


def test_packaged_prices_are_not_looked_for(on_stack: Stack) -> None:
    said = nightly("leakage-premium/smoke")
    assert "nothing is started: sp500's prices come with skfolio" in said
