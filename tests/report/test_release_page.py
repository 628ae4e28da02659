"""The page and the model card of a release: what they show, and that they load nothing and run nothing."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tasks.costs.usage import Usage
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.measure import measure_direction
from tasks.evaluate.rows import direction_rows
from tasks.report.release.build import write_release_report
from tasks.report.release.config import ReleaseReportConfig
from tasks.report.release.tables import data
from tasks.report.tables.spend import elsewhere
from tasks.schemas.artifacts import Check, Preflight, Report
from tasks.schemas.examples import Gate
from tasks.schemas.release import MODELFILE, RELEASE_NAME, Release, ReleasedFile
from tasks.store.refs import ArtifactRef
from tests.evaluate.panels import made_panel
from tests.report.page_reader import Page, after, words

EVIL = "<script>alert(1)</script>"
GGUF = "forex-0123456789abcdef.Q8_0.gguf"
EXPORT = ArtifactRef(kind="export", label="forex", key="0" * 16, digest="0" * 64)
NOT_RUN = Gate(name="Q8_0 top-1", passed=True, was_run=False, value="not run", bound="switched off")
COUNTS = [
    {"source": "features", "role": "sft", "group": "EURUSD", "read": 200, "kept": 190},
    {"source": "features", "role": "sft", "group": "USDHKD", "read": 200, "kept": 180},
    {"source": "pairs", "role": "preference", "group": EVIL, "read": 50, "kept": 49},
]
TOKENIZED = {
    "n_examples": 365,
    "n_tokens": 40_000,
    "n_trained_tokens": 9_000,
    "n_too_long": 5,
    "too_long_by_source": {"formulas": 5},
}


def of_pool(pool: str, seconds: float) -> Usage:
    return Usage(
        pool=pool,
        provider="vessl",
        dollars_per_hour=2.39,
        as_of="2026-05-01",
        seconds=seconds,
        waited_seconds=0,
        queued_seconds=0,
        failed=None,
        dollars=2.39 * seconds / 3_600,
    )


@pytest.fixture(scope="module")
def scores_text() -> str:
    rows = direction_rows(made_panel(n_days=80), EvaluateConfig())
    return measure_direction(rows, EvaluateConfig(models=("majority",), n_draws=20)).model_dump_json()


@pytest.fixture
def folders(tmp_path: Path, scores_text: str) -> Mapping[str, Path]:
    inputs = {
        name: tmp_path / name for name in ("release", "evaluate", "mix", "preflight", "chat_rows", "preference_rows")
    }
    for folder in inputs.values():
        folder.mkdir()
    release = Release(
        export=EXPORT,
        client="fsspec 1, s3fs 1",
        files=[ReleasedFile(path=GGUF, size=144_000_000, sha256="a" * 64)],
        gguf={"name": "forex", "architecture": "llama", "n_tensors": 272, "types": {"Q8_0": 211, "F32": 61}},
        n_probes=4,
        gates=[Gate(name="perplexity", passed=True, value="1.001", bound="within 2 %"), NOT_RUN],
    )
    (inputs["release"] / RELEASE_NAME).write_text(release.model_dump_json())
    (inputs["release"] / MODELFILE).write_text(f"FROM ./{GGUF}\nPARAMETER num_ctx 2048\n")
    (inputs["evaluate"] / "results.json").write_text(scores_text)
    (inputs["mix"] / "counts.json").write_text(json.dumps(COUNTS))
    checks = Preflight(checks=[Check(name="export", passed=True, value="llama", bound="known")])
    (inputs["preflight"] / "checks.json").write_text(checks.model_dump_json())
    for name in ("chat_rows", "preference_rows"):
        rendered = {"id": "1", "prompt": f"<|im_start|>user\n{EVIL}", "answer": "up: it rises."}
        (inputs[name] / "rendered.jsonl").write_text(json.dumps(rendered) + "\n")
        (inputs[name] / "counts.json").write_text(json.dumps(TOKENIZED))
    return inputs


@pytest.fixture
def written(folders: Mapping[str, Path], records, tmp_path: Path) -> Path:
    priced = [record.model_copy(update={"spent": of_pool("h100", 1_800)}) for record in records]
    (tmp_path / "out").mkdir()
    write_release_report(ReleaseReportConfig(), folders, priced, tmp_path / "out", ["Machine hs-1 was stopped."])
    return tmp_path / "out"


def test_the_page_shows_file_gates_data_and_how_to_run_it(written: Path) -> None:
    page = Page(Report(written).page.read_text())
    shown = words(page)
    assert f"{GGUF}, 144.0 MB" in shown
    assert "perplexity 1.001 within 2 % passed" in shown
    assert "Q8_0 top-1 switched off not run" in shown
    assert "asked its probes; 1 gates passed, 1 was not run." in shown
    assert f"hindsight store get {EXPORT.path}" in shown
    assert f"FROM ./{GGUF}" in shown
    assert after(page, "features", 3) == ["sft", "400", "370"]
    assert "EURUSD" in shown
    assert "Machine hs-1 was stopped." in shown
    assert after(page, "preference training", 5) == ["365", "40,000", "9,000", "5", "formulas 5"]
    assert Report(written).table()[0]["model"] == "majority"


def test_the_page_runs_nothing_and_loads_nothing(written: Path) -> None:
    page = Page(Report(written).page.read_text())
    assert "script" not in page.tags
    assert [address for address in page.addresses if not address.startswith("#")] == []
    assert EVIL in words(page)


def test_the_model_card_has_yaml_in_front_and_the_file_with_its_hash(written: Path) -> None:
    front, _, body = (written / "README.md").read_text().removeprefix("---\n").partition("\n---\n")
    assert yaml.safe_load(front)["pipeline_tag"] == "text-generation"
    assert f"`{GGUF}`, 144,000,000 bytes, sha256 `{'a' * 64}`" in body
    assert "| features | sft | 400 | 370 |" in body
    assert "\n| perplexity | 1.001 | within 2 % | passed |\n| Q8_0 top-1 |  | switched off | not run |\n" in body


def test_counts_are_summed_by_the_names_asked_for() -> None:
    assert data(COUNTS) == [
        {"source": "features", "role": "sft", "read": "400", "kept": "370"},
        {"source": "pairs", "role": "preference", "read": "50", "kept": "49"},
        {"source": "all", "role": "", "read": "450", "kept": "419"},
    ]


def test_a_machine_hour_costs_each_provider_s_price(records) -> None:
    from tasks.costs.prices import load_prices

    priced = [records[0].model_copy(update={"spent": of_pool("h100x8", 7_200)})]
    (line,) = [row for row in elsewhere(priced, load_prices()) if row["provider"] == "vessl"]
    assert (line["machine hours"], line["dollars"]) == ("2.00", "38.24")
