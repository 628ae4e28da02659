"""results.json, its schema, the verification card and the trained model's card."""

import json
import runpy
from typing import Any

import jsonschema
import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import ModelCardData, model_index_to_eval_results

from tasks.common.settings import project_root
from tasks.provenance.model_statement import model_statement, write_model_statement
from tasks.provenance.statement import write_statement_of
from tasks.report.build import write_report
from tasks.report.config import ReportConfig
from tasks.schemas.artifacts import Check
from tasks.schemas.checks import NOISE_OF, NumericalNoise
from tasks.schemas.estimates import CO_PRIMARY
from tasks.schemas.results import Claim, Results
from tasks.schemas.scores import PremiumScores
from tasks.store.digests import sha256_of_file
from tasks.store.records import FileEntry
from tests.report.sample_ledger import made_ledger
from tests.report.sample_robust import HEAVY, SPLITS, TAILS, made_robust

SCHEMA = project_root() / "docs" / "reference" / "results.schema.json"


def results_of(tmp_path) -> Results:
    return Results.read(tmp_path)


def card(tmp_path) -> dict[str, Claim]:
    return {claim.claim.partition(" (")[0].rstrip("."): claim for claim in results_of(tmp_path).claims}


def test_the_published_schema_is_what_a_report_writes(write, tmp_path):
    assert SCHEMA.read_text() == runpy.run_path(str(project_root() / "docs" / "results.py"))["schema"]("results")
    schema: dict[str, Any] = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for robust in (made_robust(), None):
        write(ReportConfig(title="written anew"), robust=robust)
        written = json.loads((tmp_path / "results.json").read_text())
        validator.validate(written)
    with pytest.raises(jsonschema.ValidationError, match="'claims' is a required property"):
        validator.validate({name: value for name, value in written.items() if name != "claims"})


def test_every_headline_figure_is_in_it_with_interval_fit_rows_and_artifact(write, records, tmp_path):
    write(ReportConfig(title="figures"))
    found = {(own.contract, own.figure, own.of, own.fit): own for own in results_of(tmp_path).figures}
    premium = next(record for record in records if record.kind == "premium")
    assert {own.artifact for own in found.values()} == {premium.digest}
    lookahead = found["robust", "lookahead", "base - trained", "standardized"]
    assert (lookahead.point, lookahead.n_rows, lookahead.unit) == (pytest.approx(0.0122), 600, "R2")
    assert lookahead.ends == (pytest.approx(0.0047), pytest.approx(0.0197))
    reference = found["reference", "reduction", "base - trained", "unscaled"]
    assert (reference.ends, reference.interval, reference.n_draws) == ((-0.13, 0.28), "stock draws", 197)


def test_the_same_run_gives_the_same_results_and_card(write, tmp_path):
    names = ("results.json", "model_card.md", "report.html")
    write(ReportConfig(title="twice"))
    first = [(tmp_path / name).read_bytes() for name in names]
    write(ReportConfig(title="twice"))
    assert [(tmp_path / name).read_bytes() for name in names] == first


def with_corpus(records, folders, tmp_path, **ledger: Any):
    """The sample's records, in which corpus and training have the files of a corpus with a statement."""
    made = made_ledger(**ledger)
    corpus = folders["corpus"]
    (corpus / "ledger.json").write_text(json.dumps(made))
    (corpus / "statement.json").unlink()
    names = ("cutoff", "side", "n_documents", "n_tokens", "first_day", "last_day")
    claim = {"claim": "made up", **{name: made[name] for name in names}}
    statement = write_statement_of(corpus, "made-up", claim)
    (tmp_path / "train").mkdir()
    facts = model_statement({}, statement, "lora", base_digest="0" * 64, tokens_seen=1)
    write_model_statement(tmp_path / "train", facts, statement)
    changed = []
    for record in records:
        files = {"corpus": corpus, "train": tmp_path / "train"}.get(record.kind)
        if files:
            entries = [
                FileEntry(path=file.name, size=file.stat().st_size, sha256=sha256_of_file(file))
                for file in sorted(files.iterdir())
            ]
            record = record.model_copy(update={"files": entries})
        changed.append(record)
    own = {record.kind: record for record in changed if record.kind in ("corpus", "base")}
    inputs = {"base": own["base"].ref, "corpus": own["corpus"].ref}
    return [record.model_copy(update={"inputs": inputs}) if record.kind == "train" else record for record in changed]


def test_a_claim_is_verified_only_where_a_record_says_so(write, tmp_path):
    write(ReportConfig(title="nothing to see"))
    found = card(tmp_path)
    # The sample's corpus folder is that of no record, its merge compared nothing, its base names no revision.
    null = ("The corpus ends at the cutoff", "Training saw nothing but this corpus", "The base model is pinned by")
    assert [own.status for name, own in found.items() if name.startswith(null)] == ["null"] * 3
    assert found["The merged model computes what the checkpoint computes"].status == "null"
    assert found["A second build of the same recipe gives the same bytes"].status == "null"
    assert found["All checks before the run passed"].status == "verified"
    assert all(claim.evidence for claim in found.values() if claim.status == "verified")


def test_corpus_and_training_are_verified_by_their_statements(write_inputs, records, tmp_path):
    folders = write_inputs()
    own = with_corpus(records, folders, tmp_path)
    write_report(ReportConfig(), folders, own, tmp_path)
    found = card(tmp_path)
    digest = sha256_of_file(folders["corpus"] / "statement.json")
    assert (found["The corpus ends at the cutoff"].status, found["The corpus ends at the cutoff"].evidence) == (
        "verified",
        [digest],
    )
    assert found["Training saw nothing but this corpus"].status == "verified"
    assert digest in found["Training saw nothing but this corpus"].evidence
    # A name that the world did not know at the cutoff was found by the scan.
    assert found["No name that was unknown at the cutoff is in the corpus"].status == "not verified"


@pytest.mark.parametrize("ledger", [{"last_day": "2017-07-03"}, {"side": "after"}])
def test_a_corpus_beyond_its_cutoff_is_not_verified(write_inputs, records, tmp_path, ledger):
    folders = write_inputs()
    write_report(ReportConfig(), folders, with_corpus(records, folders, tmp_path, **ledger), tmp_path)
    assert card(tmp_path)["The corpus ends at the cutoff"].status == "not verified"


def test_a_training_on_another_corpus_is_not_verified(write_inputs, records, tmp_path):
    folders = write_inputs()
    own = with_corpus(records, folders, tmp_path)
    other = [
        record.model_copy(
            update={
                "files": [
                    entry.model_copy(update={"sha256": "0" * 64, "blobs": ()})
                    if entry.path == "corpus-statement.json"
                    else entry
                    for entry in record.files
                ]
            }
        )
        if record.kind == "train"
        else record
        for record in own
    ]
    write_report(ReportConfig(), folders, other, tmp_path)
    assert card(tmp_path)["Training saw nothing but this corpus"].status == "not verified"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"difference": 1e-7, "moved": 0.4, "noise": 5e-7, "tolerance": 0.01}, "verified"),
        ({"difference": 0.1, "moved": 0.4, "noise": 5e-7, "tolerance": 0.01}, "not verified"),
        ({"difference": float("nan"), "moved": 0.4, "noise": 5e-7, "tolerance": 0.01}, "not verified"),
        ({"moved": 0.4, "noise": 5e-7, "tolerance": 0.01}, "null"),
    ],
)
def test_a_merge_is_verified_by_its_recorded_difference(write, records, tmp_path, facts, status):
    own = [
        record.model_copy(update={"facts": {"arm": "lora", **facts}}) if record.kind == "merge" else record
        for record in records
    ]
    write(records=own)
    assert card(tmp_path)["The merged model computes what PEFT's merge computes"].status == status


NOISE_CLAIM = "Differences are larger than numerical noise"


def noise_of(size: float, **models: float) -> dict[str, NumericalNoise]:
    """Of base and trained, with the same noise of all figures; a size of 0 has no figures."""
    sizes = {"base": size, "trained": size} | models
    return {
        model: NumericalNoise(
            settings="precision bf16",
            n_rows=256,
            n_panel_rows=600,
            figures={fit: dict.fromkeys(NOISE_OF.values(), own) for fit in CO_PRIMARY} if own else {},
        )
        for model, own in sizes.items()
    }


@pytest.mark.parametrize(
    ("noise", "tails", "status", "how"),
    [
        # The sample's smallest headline figure is a lookahead of 0.0122; noise of a pair is the sum of its models'.
        (noise_of(0.001), TAILS, "verified", "Both headline figures of every pair, under both fits."),
        (noise_of(0.5), TAILS, "not verified", "Not larger: lookahead of base - trained (unscaled), lookahead of"),
        (noise_of(0.5), HEAVY, "not verified", "gain of base - trained (standardized)"),
        (noise_of(0.001, trained=0), TAILS, "null", "No noise is known of trained."),
        ({"base": noise_of(0.001)["base"]}, TAILS, "null", "No noise is known of trained."),
        ({}, TAILS, "null", "No model was embedded a second time"),
    ],
)
def test_noise_is_compared_with_every_figure_and_null_where_that_of_a_model_is_unknown(
    write, tmp_path, noise, tails, status, how
):
    # Heavy tails end a conclusion's reason before noise is named in it: the claim is computed from the figures.
    write(robust=made_robust(noise=noise, tails=tails))
    found = card(tmp_path)[NOISE_CLAIM]
    assert found.status == status
    assert how in found.how


def test_violations_failed_checks_and_uncommitted_code_are_not_verified(write, records, tmp_path):
    broken = [facts.model_copy(update={"n_violations": 3}) if facts.name == "off" else facts for facts in SPLITS]
    own = [record.model_copy(update={"git_commit": "0" * 40 + "+changes"}) for record in records]
    checks = [Check(name="disk", passed=False, value="1 GB", bound="2 GB")]
    write(records=own, checks=checks, robust=made_robust(splits=broken, n_kept_draws=150))
    found = card(tmp_path)
    assert found["No label of a train row reaches into the test span"].how == "Violations: off 3."
    names = (
        "No label of a train row reaches into the test span",
        "At least 95% of the draws could be scored",
        "All checks before the run passed",
        "All stages ran committed code",
    )
    assert [found[name].status for name in names] == ["not verified"] * 4


def test_states_of_another_panel_are_not_verified(write, records, make_record, tmp_path):
    write(ReportConfig(title="same panel"))
    assert card(tmp_path)["The models' states are of this panel's rows"].status == "verified"
    other = make_record("panel", label="other", key="e" * 16)
    own = [
        record.model_copy(update={"inputs": {**record.inputs, "panel": other.ref}})
        if record.label == "embed-trained"
        else record
        for record in records
    ]
    write(records=own)
    found = card(tmp_path)["The models' states are of this panel's rows"]
    assert (found.status, found.how) == ("not verified", "Made from another panel: embed-trained.")


def test_the_model_card_is_one_that_the_hub_reads(write, tmp_path):
    write(ReportConfig(title="A card"))
    content = (tmp_path / "model_card.md").read_text()
    data = ModelCard(content).data
    assert isinstance(data, ModelCardData)
    assert (data.license, data.library_name, data.model_name) == ("other", "transformers", "train-made-up")
    front = yaml.safe_load(content.removeprefix("---\n").partition("\n---\n")[0])
    name, evaluated = model_index_to_eval_results(front["model-index"])
    assert name == "train-made-up"
    values = {own.metric_name: own.metric_value for own in evaluated}
    assert values["lookahead, base - trained, standardized columns"] == pytest.approx(0.0122)
    assert not any(name.startswith("disjoint, base,") for name in values)
    assert "continued training does not remove what the base already knows" in content


def test_an_audit_trains_nothing_and_has_no_model_card(write_inputs, records, tmp_path):
    folders = write_inputs()
    del folders["corpus"]
    write_report(ReportConfig(), folders, records, tmp_path)
    assert not (tmp_path / "model_card.md").exists()
    assert results_of(tmp_path).is_audit
    assert isinstance(PremiumScores.read(folders["premium"]), PremiumScores)
    assert not any("corpus" in claim.claim.lower() for claim in results_of(tmp_path).claims)


def test_text_from_a_hypothesis_cannot_break_the_cards_tables_or_tags(write, tmp_path):
    evil = "<script>alert(1)</script> | x"
    checks = [Check(name=evil, passed=False, value="", bound="")]
    write(checks=checks)
    content = (tmp_path / "model_card.md").read_text()
    assert "<script>" not in content
    assert "&lt;script>alert(1)&lt;/script> \\| x" in content
