"""An audit from its YAML file to its page, without a server and through one."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from flows.pipelines.registry import load, pipeline_of
from flows.plan import plan_notes, plan_rows
from flows.runner.inline import run_inline
from flows.runner.request import StageRequest
from flows.runs.read_rows import run_rows
from flows.stages import STAGES
from flows.status import pool_of, spec_of, step_statuses
from tasks.audit import Audit
from tasks.common.settings import project_root
from tasks.preflight.write import PreflightFailed
from tasks.schemas.artifacts import Embeddings, Panel, Preflight, Report
from tasks.schemas.scores import PremiumScores
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.embed.small_encoders import byte_reader
from tests.embed.test_chrono_gpt import checkpoint
from tests.flows.stage_runs import finished, send
from tests.local_stack import Stack
from tests.model_fixtures import scratch_folder

FILE = project_root() / "configs" / "audit-smoke.yaml"
FEW = {"n_draws": 20, "n_folds": 2, "robust": {"n_draws": 20, "n_date_blocks": 2, "n_day_groups": 5}}


@cache
def readers() -> list[str]:
    """Folders of two models that are loaded faster than the example's."""
    return [str(byte_reader(scratch_folder("reader"), seed).path) for seed in range(2)]


def small(**changed: object) -> Audit:
    """The shipped example with smaller models and fewer draws."""
    fields = load(FILE).model_dump(mode="json")
    for model, path in zip(fields["models"], readers(), strict=True):
        model["model"]["source"] = {"kind": "folder", "path": path}
    return Audit.model_validate(fields | {"premium": FEW, "embed": {"undated": False}} | changed)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        state = tmp_path_factory.mktemp("audit")
        patch.setenv("HINDSIGHT_STATE", str(state))
        patch.setenv("HINDSIGHT_STORE", str(state / "store"))
        yield open_store()


@pytest.fixture(scope="module")
def first_run(store: Store) -> dict[str, ArtifactRef]:
    return run_inline(pipeline_of(small()))


@pytest.fixture
def refs(store: Store, first_run: dict[str, ArtifactRef], monkeypatch: pytest.MonkeyPatch) -> dict[str, ArtifactRef]:
    """The first run's artifacts; what the test runs goes into their store."""
    monkeypatch.setenv("HINDSIGHT_STATE", str(Path(store.url).parent))
    monkeypatch.setenv("HINDSIGHT_STORE", store.url)
    return first_run


def scores_of(store: Store, refs: dict[str, ArtifactRef]) -> PremiumScores:
    return PremiumScores.read(store.fetch(refs["premium"]))


def test_the_page_of_an_audit_has_its_models_with_their_days_and_nothing_of_a_training(store, refs):
    page = Report(store.fetch(refs["report"])).page.read_text()
    assert f"folder {readers()[1]}" in page
    assert "newer: no row lies after its cutoff 2024-06-30, as the panel ends on 2021-12-29" in page
    assert "older - newer (knowledge of the future only where nothing else tells the two apart)" in page
    for absent in ('id="corpus"', 'id="training"', 'id="training-loss"', "placebo", "of trained"):
        assert absent not in page
    scores = scores_of(store, refs)
    assert (list(scores.models), scores.pairs) == (["older", "newer"], ["older - newer"])
    table = Report(store.fetch(refs["report"])).table()
    assert [*table[0]] == ["figure", "older", "newer", "difference"]


def test_the_plan_knows_the_steps_and_says_of_which_model_no_figure_is_free_of_knowledge(store, refs):
    audit = small()
    rows = plan_rows(audit, store)
    assert [row["step"] for row in rows[:-1]] == list(refs)
    assert rows[-1]["status"] == "0 of 8"
    assert [note.split(":")[0] for note in plan_notes(audit, store)] == ["newer"]


def test_one_more_model_embeds_it_alone_and_one_model_has_no_difference(store, refs):
    models = small().model_dump(mode="json")["models"]
    three = pipeline_of(small(models=[*models, models[0] | {"name": "twin", "cutoff": "unknown"}]))
    missing = [name for name, status in step_statuses(three, store).items() if status.record is None]
    # The twin's states are those of the first model: its artifacts exist.
    assert missing == ["preflight", "premium", "report"]
    page = Report(store.fetch(run_inline(three)["report"])).page.read_text()
    assert "twin: its cutoff is unknown" in page
    assert "older - twin, unscaled" in page
    alone = run_inline(pipeline_of(small(models=models[:1])))
    page = Report(store.fetch(alone["report"])).page.read_text()
    assert "One model was measured: there is no difference between models" in page
    assert [*Report(store.fetch(alone["report"])).table()[0]] == ["figure", "older"]


def test_rented_embeddings_are_forecast_from_the_models_headers_and_sent_to_their_pool(store, refs):
    rented = small(route={"embed": "h100"})
    assert {pool_of(step) for step in pipeline_of(rented).steps if step.stage == "embed"} == {"h100"}
    rows = {row["step"]: row for row in plan_rows(small(route={"embed": "h100"}, panel={"n_stocks": 21}), store)}
    assert rows["embed newer"]["prediction from"] == "the recipe alone"


def test_a_panel_without_rows_after_the_cut_is_refused_before_anything_is_embedded(store, refs):
    with pytest.raises(PreflightFailed, match=r"panel rows after 2030-01-01: 0 rows, bound: at least 10"):
        run_inline(pipeline_of(small(premium=FEW | {"train_until": "2030-01-01"})))


def test_vectors_brought_along_are_measured_beside_a_model(store, refs, tmp_path):
    """The second model's own states, written to a file as a user would bring them: the figures are the same."""
    rows = Panel(store.fetch(refs["panel"])).rows()[["code", "date"]]
    states = Embeddings(store.fetch(refs["embed newer"])).states()
    rows.assign(vector=list(states)).to_parquet(tmp_path / "newer.parquet")
    models = small().model_dump(mode="json")["models"]
    api = {"name": "newer", "cutoff": "2024-06-30", "vectors": {"file": str(tmp_path / "newer.parquet")}}
    brought = run_inline(pipeline_of(small(models=[models[0], api], premium=FEW | {"reference": "newer"})))
    assert scores_of(store, brought).models == scores_of(store, refs).models
    # They exist before anything is embedded: preflight's power is that of the vectors.
    for found, source in ((brought, "the first model's own states"), (refs, "noise")):
        checks = Preflight.read(store.fetch(found["preflight"])).checks
        assert f"draws of {source}" in next(check.value for check in checks if check.name == "power")
    page = Report(store.fetch(brought["report"])).page.read_text()
    assert "vectors were brought along, and none of sentences without their day are among them" in page
    assert f"vectors of {tmp_path / 'newer.parquet'}" in page


def test_a_model_stitched_from_vintages_stands_beside_each_of_them(store, refs):
    models = small().model_dump(mode="json")["models"]
    vintages = [models[0], models[1] | {"cutoff": "2020-06-30"}]
    stitched = run_inline(pipeline_of(small(models=vintages, premium=FEW | {"vintages": {"embargo_days": 3}})))
    scores = scores_of(store, stitched)
    assert (list(scores.models), scores.pairs) == (
        ["older", "newer", "vintages"],
        ["older - newer", "older - vintages"],
    )
    n_rows, unserved = len(Panel(store.fetch(refs["panel"])).rows()), scores.vintages.unserved
    assert scores.n_rows == n_rows - unserved.n_rows < n_rows
    page = Report(store.fetch(stitched["report"])).page.read_text()
    assert "less an embargo of 3 days" in page
    assert f"{unserved.n_rows:,} rows from {unserved.first} to\n{unserved.last} are served by no vintage" in page
    checks = {check.name: check.value for check in Preflight.read(store.fetch(stitched["preflight"])).checks}
    assert checks["vintages"].endswith("left out of every model's figures")
    assert checks["panel rows up to 2020-12-31"] == f"{scores.n_train_rows:,} rows"


def test_vintages_that_serve_no_row_are_refused_before_anything_is_embedded(store, refs):
    late = [own | {"cutoff": "2024-06-30"} for own in small().model_dump(mode="json")["models"][:1]]
    with pytest.raises(PreflightFailed, match=r"vintages: no vintage serves a row"):
        run_inline(pipeline_of(small(models=late, premium=FEW | {"vintages": {}})))


def rungs(*cutoffs: str) -> list[dict[str, object]]:
    """The example's first model at several cutoffs: one embedding serves them all."""
    first = small().model_dump(mode="json")["models"][0]
    return [first | {"name": f"until-{cutoff}", "cutoff": cutoff, "family": "reader"} for cutoff in cutoffs]


def test_three_cutoffs_of_one_family_are_a_ladder_on_the_page_and_two_have_no_fit(store, refs):
    three = rungs("2016-12-31", "2019-12-31", "2021-12-31")
    found = run_inline(pipeline_of(small(models=three)))
    ladder = scores_of(store, found).robust.ladders["reader"]
    # The same states at every cutoff: the figures are equal, and no share of lookahead moves them.
    assert {name: course.share.point for name, course in ladder.fits["unscaled"].courses.items()} == pytest.approx(
        {"premium": 0, "off": 0, "disjoint": 0}, abs=1e-12
    )
    page = Report(store.fetch(found["report"])).page.read_text()
    assert "Ladder: reader</h2>" in page
    checks = {check.name: check.value for check in Preflight.read(store.fetch(found["preflight"])).checks}
    assert checks["ladder reader: models"].startswith("llama, 16 wide, 2 layers")
    assert checks["ladder reader"].startswith("3 rungs, which know the targets of the panel's ")
    two = run_inline(pipeline_of(small(models=three[:2])))
    page = Report(store.fetch(two["report"])).page.read_text()
    assert "2 rungs, 3 are needed" in page
    assert "ladder reader: no fit, 2 models with a known cutoff and 3 are needed." in page


def test_a_family_of_several_architectures_is_refused_unless_it_is_meant(store, refs, tmp_path):
    reader = byte_reader(tmp_path / "wider", seed=0, hidden_size=32)
    models = rungs("2016-12-31", "2019-12-31", "2021-12-31")
    models[1] |= {"model": {"source": {"kind": "folder", "path": str(reader.path)}}}
    with pytest.raises(
        PreflightFailed,
        match=r"ladder reader: models: they differ in hidden_size \(until-2016-12-31: llama, 16 wide, .*"
        r"until-2019-12-31: llama, 32 wide, .*Give each architecture a `family` of its own",
    ):
        run_inline(pipeline_of(small(models=models)))
    meant = run_inline(pipeline_of(small(models=models, allow_mixed_families=True)))
    assert scores_of(store, meant).robust.ladders["reader"].fits


def stand_ins(folder: Path) -> list[dict[str, object]]:
    """Three random models in each of two layouts: ChronoGPT's pickles, and DatedGPT's Llama without a tokenizer."""
    tokenizer = {"kind": "folder", "path": readers()[0]}
    models: list[dict[str, object]] = []
    for seed, year in enumerate((2016, 2019, 2021)):
        checkpoint(8, folder / f"chrono-{year}", seed=seed, n_tokens=256)
        llama = byte_reader(folder / f"dated-{year}", seed=seed).path
        for file in llama.glob("tokenizer*"):
            file.unlink()
        for family, pickles in (("chrono", "isolated"), ("dated", "refuse")):
            name = f"{family}-{year}"
            source = {"kind": "folder", "path": str(folder / name), "pickles": pickles, "tokenizer": tokenizer}
            models.append(
                {"name": name, "family": family, "cutoff": f"{year}-12-31", "model": {"source": source}},
            )
    return models


@pytest.mark.slow
def test_stand_ins_of_two_families_are_two_ladders_of_one_panel(store, refs, tmp_path):
    found = run_inline(pipeline_of(small(models=stand_ins(tmp_path))))
    ladders = scores_of(store, found).robust.ladders
    assert {family: [rung.model for rung in own.rungs] for family, own in ladders.items()} == {
        family: [f"{family}-{year}" for year in (2016, 2019, 2021)] for family in ("chrono", "dated")
    }
    checks = {check.name: check.value for check in Preflight.read(store.fetch(found["preflight"])).checks}
    assert checks["ladder chrono: models"] == "chrono_gpt, 32 wide, 8 layers, 256 tokens"
    assert checks["ladder dated: models"] == "llama, 16 wide, 2 layers, 256 tokens"
    assert all(fit.combined.share.interval for own in ladders.values() for fit in own.fits.values())


@pytest.mark.server
@pytest.mark.slow
def test_an_audit_runs_through_its_deployment_and_is_in_the_table_of_runs(on_stack: Stack) -> None:
    audit = small(name="audit-on-a-server")
    done = finished(send("leakage-audit/audit-smoke", {"recipe": audit.model_dump(mode="json")}))
    assert done.state.is_completed(), done.state.message
    store, pipeline = open_store(), pipeline_of(audit)
    row = next(row for row in run_rows(store) if row.recipe == audit.name)
    assert row.deployment == "leakage-audit/audit-smoke"
    assert row.verdict == "lookahead undecided, gain undecided"
    # The premium's own deployment accepts any number of models by name, checks them, and finds what exists.
    refs = {name: status.ref for name, status in step_statuses(pipeline, store).items()}
    step = next(step for step in pipeline.steps if step.stage == "premium")
    request = StageRequest("premium", "premium/cpu", spec_of(step, refs), "audit: premium once more")
    again = finished(send("premium/cpu", request.parameters))
    assert again.state.is_completed(), again.state.message
    assert STAGES["premium"].artifact_type.spec(step.config, request.spec.inputs).path == refs["premium"].path
    assert Path(Report(store.fetch(refs["report"])).page).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["audit-smollm2", "audit-smollm2-fx"])
def test_the_laptop_recipes_measure_the_real_model_on_few_rows_of_real_prices(name, store, monkeypatch):
    monkeypatch.setenv("HINDSIGHT_STATE", str(Path(store.url).parent))
    monkeypatch.setenv("HINDSIGHT_STORE", store.url)
    fields = load(project_root() / "configs" / f"{name}.yaml").model_dump(mode="json")
    fields["panel"] |= {"dates_per_stock": 8, "n_days": 40}
    fields["premium"] |= {"n_draws": 20, "robust": FEW["robust"]}
    refs = run_inline(pipeline_of(Audit.model_validate(fields)))
    scores = scores_of(store, refs)
    assert (list(scores.models), scores.pairs) == (["smollm2", "random"], ["smollm2 - random"])
    assert "smollm2: its cutoff is unknown" in Report(store.fetch(refs["report"])).page.read_text()
