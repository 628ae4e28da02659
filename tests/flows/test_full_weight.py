"""The full-weight arm through the pools: trained on the pool of eight GPUs, merged, measured, comparable with LoRA."""

import json

import pytest
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags

from tasks.common.settings import project_root
from tasks.recipe import Recipe, load_recipe
from tasks.schemas.artifacts import Checkpoint
from tasks.store.records import Record
from tasks.store.store import open_store
from tests.flows.stage_runs import find_report, have_run
from tests.local_stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.trainer, pytest.mark.slow]


@pytest.fixture(scope="module")
def first_run(stack: Stack) -> str:
    """What `make demo RECIPE=smoke-full-weight` prints."""
    done = stack.local("follow", "leakage-premium/smoke-full-weight")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe(project_root() / "configs" / "smoke-full-weight.yaml")


@pytest.fixture
def records(first_run: str, on_stack: Stack, recipe: Recipe) -> dict[str, Record]:
    store = open_store()
    return {record.kind: record for record in store.lineage(find_report(recipe, store))}


def test_training_runs_on_the_node_of_eights_pool(first_run: str, on_stack: Stack) -> None:
    tags = FlowRunFilterTags(all_=["recipe:smoke-full-weight", "arm:full-weight", "stage:train"])
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=tags))
    assert [(run.work_pool_name, run.state.name) for run in runs] == [("h100x8", "Completed")]


def test_every_weight_lies_in_the_checkpoint_and_most_dense_ones_moved(records: dict[str, Record]) -> None:
    train = records["train"]
    checkpoint = Checkpoint(open_store().fetch(train.ref))
    assert checkpoint.arm == "full-weight"
    assert (checkpoint.sharded_dir / ".metadata").is_file()
    groups = train.facts["audit"][-1]["groups"]
    for group in ("attention", "delta_net", "shared_expert", "routed_experts"):
        assert groups[group]["changed"] > 0.5 * groups[group]["n_sampled"], group


def test_an_own_machine_that_plays_eight_gpus_sends_no_bill(records: dict[str, Record]) -> None:
    assert records["train"].facts["trainer_seconds"] > 0
    assert {record.spent.dollars for record in records.values() if record.kind in ("train", "merge", "embed")} == {0}
    assert all(record.spent.seconds >= record.seconds > 0 for record in records.values())


def test_the_ui_shows_what_each_step_took_and_what_the_run_spent(records: dict[str, Record]) -> None:
    table = json.loads(Artifact.get("spend-smoke-full-weight").data)
    assert [row["step"] for row in table] == [
        *("base", "corpus", "panel", "preflight", "embed base", "train", "merge", "embed trained"),
        *("premium", "report", "this run"),
    ]
    assert {row["what"] for row in table[:-1]} <= {"built", "found"}
    assert (table[-1]["dollars"], table[-1]["failed attempts"]) == ("0.00", "0")
    assert float(table[-1]["hours"]) > 0


def test_the_merged_model_answers_as_the_checkpoint_does(records: dict[str, Record]) -> None:
    facts = records["merge"].facts
    assert facts["difference"] == 0
    assert facts["moved"] > facts["noise"]


def test_both_arms_saw_the_same_tokens_of_the_same_documents(stack: Stack, records: dict[str, Record]) -> None:
    have_run(stack, "smoke")
    store, lora = open_store(), load_recipe(project_root() / "configs" / "smoke.yaml")
    of_lora = {record.kind: record for record in store.lineage(find_report(lora, store))}
    assert records["train"].ref != of_lora["train"].ref
    assert records["corpus"].digest == of_lora["corpus"].digest
    for fact in ("tokens_seen", "n_rows"):
        assert records["train"].facts[fact] == of_lora["train"].facts[fact]
    assert records["train"].facts["tokens_seen"] == lora.train.token_budget


def test_the_report_names_the_arm(first_run: str, records: dict[str, Record]) -> None:
    assert records["report"].label.endswith("full-weight")
    assert json.loads(json.dumps(records["train"].config))["arm"]["kind"] == "full-weight"
