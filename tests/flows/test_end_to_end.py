"""The whole way on real input: through a server and workers on a folder, and in one process on S3."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.deployments import run_deployment
from prometheus_client.parser import text_string_to_metric_families

from flows.observe.snapshot import MAX_AGE_SECONDS
from flows.runner.request import StageRequest
from tasks.common.settings import project_root
from tasks.provenance.model_statement import CORPUS_STATEMENT_NAME
from tasks.provenance.statement import STATEMENT_NAME, Statement, files_of
from tasks.recipe import Recipe, load_recipe
from tasks.store.records import Record
from tasks.store.store import open_store
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tests.flows.conftest import InlineRun
from tests.flows.scraping import Scrape, metrics_of, scrape, scraping
from tests.flows.stage_runs import find_report
from tests.local_stack import Stack
from tests.waiting import GENEROUS_SECONDS

pytestmark = [pytest.mark.server, pytest.mark.trainer]

STEPS = ("base", "corpus", "panel", "preflight", "train", "merge", "embed base", "embed trained", "premium", "report")
TRAINING = ("tokens_per_second", "loss", "peak_memory_bytes", "step", "steps", "states")


@dataclass(frozen=True)
class Watched:
    """What `make demo` prints, the metrics while it ran, and those after it."""

    printed: str
    scrapes: list[Scrape]
    after: Scrape


@pytest.fixture(scope="module")
def watched(stack: Stack) -> Watched:
    with metrics_of(stack) as address:
        with scraping(address) as scrapes:
            done = stack.local("follow", "leakage-premium/smoke")
        assert done.returncode == 0, done.stdout + done.stderr
        time.sleep(MAX_AGE_SECONDS + 1)
        return Watched(done.stdout, scrapes, scrape(address))


@pytest.fixture(scope="module")
def first_run(watched: Watched) -> str:
    """What `make demo` prints."""
    return watched.printed


@pytest.fixture
def smoke() -> Recipe:
    return load_recipe(project_root() / "configs" / "smoke.yaml")


@pytest.fixture
def records(first_run: str, on_stack: Stack, smoke: Recipe) -> dict[str, Record]:
    """The record of each kind that the report came from."""
    store = open_store()
    return {record.kind: record for record in store.lineage(find_report(smoke, store))}


def table_of(printed: str) -> str:
    """The result table: the paragraph that starts with its head."""
    return next(part.strip() for part in printed.split("\n\n") if part.strip().startswith("figure "))


def stage_runs() -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=["recipe:smoke", "arm:lora"]))
        )


def test_every_stage_runs_once_and_says_so(first_run: str, on_stack: Stack) -> None:
    for step in STEPS:
        assert re.search(rf"^ +\d+ s  {step}: (sent to|runs in this process) ", first_run, re.MULTILINE), step
        assert re.search(rf"^ +\d+ s  {step}: done in \d+ s ", first_run, re.MULTILINE), step
    names = sorted(run.name for run in stage_runs() if run.name.startswith("smoke: "))
    assert names == sorted(f"smoke: {step}" for step in STEPS)


def samples(scrapes: Iterable[Scrape], name: str, **labels: str) -> list[float]:
    """The values of a metric whose labels are these and perhaps more."""
    found = [sample for one in scrapes for sample in one.get(f"hindsight_{name}", [])]
    return [value for having, value in found if labels.items() <= having.items()]


def test_the_metrics_show_the_training_while_it_runs(watched: Watched, records: dict[str, Record]) -> None:
    of_it = {"stage": "train", "pool": "h100"}
    assert 1 in samples(watched.scrapes, "runs", state="running", **of_it)
    figures = {name: samples(watched.scrapes, f"train_{name}", **of_it) for name in TRAINING}
    assert all(figures.values()), figures
    assert min(figures["tokens_per_second"]) > 0
    assert all(0 < loss < 20 for loss in figures["loss"])
    assert min(figures["peak_memory_bytes"]) > 10_000_000
    assert set(figures["steps"]) == {records["train"].facts["n_steps"]}
    assert sorted(figures["step"]) == figures["step"]
    # The peak of a CPU is not known.
    assert samples(watched.scrapes, "train_mfu_ratio") == []


def test_the_metrics_show_the_queue_the_pools_and_the_bill(watched: Watched) -> None:
    # On a loaded machine one look or the other fails, and says so.
    assert samples([watched.after], "server_up") == [1.0]
    waited = [having["pool"] for one in watched.scrapes for having, _ in one.get("hindsight_queue_oldest_seconds", [])]
    assert "h100" in waited
    for pool in ("cpu", "h100", "h100x8"):
        assert samples([watched.after], "pool_ready", pool=pool) == [1.0]
        assert samples([watched.after], "pool_workers", pool=pool) == [1.0]
    assert samples([watched.after], "month_ended_runs", stage="train", state="completed") >= [1.0]
    assert samples([watched.after], "month_machine_seconds", pool="h100")[0] > 5
    # Every pool is this machine, at no price: known to be nothing, and not unknown.
    assert samples([watched.after], "spend_today_dollars", pool="h100") == [0.0]
    assert samples([watched.after], "month_unpriced_seconds") == []
    assert samples([watched.after], "stage_seconds") == [], "no stage runs any more"


def test_prefects_server_has_metrics_of_its_own_process(stack: Stack) -> None:
    text = httpx.get(f"{stack.api}/metrics").text
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    assert found["process_resident_memory_bytes"][0].value > 10_000_000
    assert {"process_cpu_seconds", "process_open_fds"} <= found.keys()


def test_the_runs_page_in_the_ui_is_named(first_run: str, stack: Stack) -> None:
    assert f"http://127.0.0.1:{stack.port}/runs/flow-run/" in first_run


def test_gpu_stages_run_on_their_own_pool(first_run: str, on_stack: Stack) -> None:
    pools = {run.name.removeprefix("smoke: "): run.work_pool_name for run in stage_runs()}
    assert {step for step, pool in pools.items() if pool == "h100"} == {"train", "merge", "embed base", "embed trained"}


def test_the_node_of_eight_runs_the_train_stage_too(records: dict[str, Record], smoke: Recipe) -> None:
    request = StageRequest("train", "train/h100x8", TRAIN.spec(smoke.train, records["train"].inputs), "test: train")
    run = run_deployment(request.deployment, parameters=request.parameters, timeout=GENEROUS_SECONDS, as_subflow=False)
    assert (run.state.name, run.work_pool_name) == ("Completed", "h100x8")


def test_the_report_lies_where_the_run_says(first_run: str) -> None:
    page = Path(re.search(r"^report: (.+)$", first_run, re.MULTILINE)[1])
    html = page.read_text()
    assert re.search(r"<body[^>]*>\s*<div[^>]*>\s*<header>\s*<p[^>]*>Smoke test, these numbers mean nothing", html)
    assert not re.search(r"""(src|href)=["']https?://""", html), "the page must open offline"
    for cell in re.findall(r"-?\d+\.\d+", table_of(first_run)):
        assert cell.lstrip("-") in html


def test_the_figures_lie_in_prefects_artifacts(first_run: str, on_stack: Stack) -> None:
    rows = json.loads(Artifact.get("premium-smoke").data)
    assert [row["figure"] for row in rows] == [line.split("  ")[0] for line in table_of(first_run).splitlines()[1:]]
    assert "report.html" in Artifact.get("report-premium-smoke").data


def test_a_second_run_starts_nothing_and_prints_the_same_table(first_run: str, on_stack: Stack) -> None:
    before = {run.id for run in stage_runs() if run.name.startswith("smoke: ")}
    second = on_stack.local("follow", "leakage-premium/smoke")
    assert second.returncode == 0, second.stdout + second.stderr
    assert table_of(second.stdout) == table_of(first_run)
    assert all(f"{step}: found in the store" in second.stdout for step in STEPS)
    assert {run.id for run in stage_runs() if run.name.startswith("smoke: ")} == before


def test_the_recorded_facts_hold(records: dict[str, Record], smoke: Recipe) -> None:
    assert records["train"].facts["tokens_seen"] == smoke.train.token_budget
    assert all(n_trainable > 0 for n_trainable in records["train"].facts["coverage"].values())
    assert records["corpus"].facts["dropped"]["after_cutoff"] > 0
    assert records["corpus"].facts["last_day"] <= smoke.corpus.cutoff.isoformat()
    merge = records["merge"].facts
    assert 0 <= merge["difference"] <= 0.01 * merge["moved"]
    assert records["premium"].inputs["base"].digest != records["premium"].inputs["trained"].digest


def test_a_checkpoint_carries_what_is_said_of_it_its_base_and_its_corpus(records: dict[str, Record]) -> None:
    store, train = open_store(), records["train"]
    folder, corpus_statement = store.fetch(train.ref), store.fetch(records["corpus"].ref) / STATEMENT_NAME
    said = Statement.read(folder / STATEMENT_NAME)
    assert said.predicate["base"]["digest"] == records["base"].ref.digest
    assert said.predicate["corpus"]["statement_sha256"] == sha256(corpus_statement.read_bytes()).hexdigest()
    assert said.predicate["training"] == {"arm": "lora", "tokens_seen": train.facts["tokens_seen"]}
    # A random base has read nothing, and the corpus ends before its cutoff.
    assert (said.predicate["base"]["pretrained"], said.predicate["point_in_time"]) == (False, "weights only")
    assert (folder / CORPUS_STATEMENT_NAME).read_bytes() == corpus_statement.read_bytes()
    assert {"adapter/adapter_model.safetensors", "metrics.jsonl", CORPUS_STATEMENT_NAME} <= said.digests.keys()
    assert said.digests == {name: sha256((folder / name).read_bytes()).hexdigest() for name in files_of(folder)}
    assert json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["tokens_seen"] == 10_000


def test_a_bad_value_is_refused_by_the_api_with_its_bound(on_stack: Stack) -> None:
    deployment = httpx.get(f"{on_stack.api}/deployments/name/leakage-premium/smoke").json()
    bad = {"recipe": {**deployment["parameters"]["recipe"], "premium": {"n_draws": 1}}}
    answer = httpx.post(f"{on_stack.api}/deployments/{deployment['id']}/create_flow_run", json={"parameters": bad})
    assert answer.status_code == 409
    assert "1 is less than the minimum of" in answer.text


def test_an_unknown_key_is_refused_by_the_api(on_stack: Stack) -> None:
    deployment = httpx.get(f"{on_stack.api}/deployments/name/leakage-premium/smoke").json()
    bad = {"recipe": {**deployment["parameters"]["recipe"], "trian": {}}}
    answer = httpx.post(f"{on_stack.api}/deployments/{deployment['id']}/create_flow_run", json={"parameters": bad})
    assert answer.status_code == 409
    assert "trian" in answer.text


def test_the_form_has_help_texts(on_stack: Stack) -> None:
    deployment = httpx.get(f"{on_stack.api}/deployments/name/leakage-premium/smoke").json()
    train = deployment["parameter_openapi_schema"]["definitions"]["TrainConfig"]["properties"]
    assert all(field.get("description") for name, field in train.items() if name != "arm")


@pytest.mark.slow
def test_the_same_recipe_in_one_process_on_s3_gives_the_same_table(first_run: str, inline_run: InlineRun) -> None:
    assert inline_run.first.returncode == 0, inline_run.first.stderr
    assert table_of(inline_run.first.stdout) == table_of(first_run)
    assert (inline_run.bucket / "train").is_dir()


@pytest.mark.slow
def test_the_same_in_one_process_once_more_finds_everything(first_run: str, inline_run: InlineRun) -> None:
    second = inline_run.run()
    assert table_of(second.stdout) == table_of(first_run)
    assert second.stderr.count("found in the store") == len(STEPS)


def test_a_tampered_artifact_stops_the_run_with_its_name(first_run: str, on_stack: Stack, smoke: Recipe) -> None:
    corpus = next(
        record for record in open_store().lineage(find_report(smoke, open_store())) if record.kind == "corpus"
    )
    entry = next(entry for entry in corpus.files if entry.path.endswith(".jsonl"))
    blob = on_stack.store / "blobs" / entry.sha256
    original = blob.read_bytes()
    try:
        blob.write_bytes(original.replace(b"the", b"tha", 1))
        refused = on_stack.local("follow", "leakage-premium/smoke")
    finally:
        blob.write_bytes(original)
    assert refused.returncode == 1
    assert f"file {entry.path} of artifact {corpus.ref.path}" in refused.stdout + refused.stderr
    assert "is damaged" in refused.stdout + refused.stderr
