"""A sample run: every stage's record, checks, scores and draws, as the other stages write them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from tasks.probe.recall.build import write_recall
from tasks.report.build import write_report
from tasks.report.config import ReportConfig
from tasks.schemas.artifacts import Check, Preflight, Report
from tasks.schemas.estimates import Interval
from tasks.schemas.scores import HEADLINE_PAIR, ModelScore, PremiumScores, Reduction
from tasks.store.digests import sha256_of_json
from tasks.store.records import FileEntry, Record
from tests.probe.recall.made_answers import CONFIG, write_predictions, write_run
from tests.report.page_reader import Page
from tests.report.sample_checks import reference_checks
from tests.report.sample_ledger import write_made_corpus
from tests.report.sample_robust import made_robust

PANEL_FACTS = {
    "contract": "point_in_time",
    "n_rows": 600,
    "n_dropped": {
        "no_close": 12,
        "close_of_zero": 0,
        "missing_feature": 620,
        "no_target": 40,
        "day_not_drawn": 165_413,
    },
    "survivorship": {"n_stocks_before_cut": 20, "n_chosen_ended_early": 3},
    "planted": {"n_test_rows_known": 0, "r2": 0.1},
    "source": {"package": "skfolio 1.12.2"},
}


@pytest.fixture
def make_record() -> Callable[..., Record]:
    def make(kind: str, inputs: dict[str, Record] | None = None, **changed: object) -> Record:
        digest = sha256_of_json(kind)
        fields = {
            "kind": kind,
            "label": f"{kind}-made-up",
            "key": digest[:16],
            "identity": {"kind": kind},
            "config": {},
            "inputs": {name: record.ref for name, record in (inputs or {}).items()},
            "files": [FileEntry(path="file.bin", size=2_500_000, sha256=digest)],
            "facts": {},
            "seconds": 12.5,
            "finished_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
            "versions": {"python": "3.11.7", "torch": "2.13.0"},
            "git_commit": "0123456789abcdef0123456789abcdef01234567",
        }
        return Record(**{**fields, **changed})

    return make


@pytest.fixture
def records(make_record) -> list[Record]:
    """Nine artifacts, sources first."""
    base = make_record("base", facts={"pretrained": True})
    corpus = make_record("corpus", facts={"n_tokens": 10_240}, seconds=31.0)
    panel = make_record("panel", facts=PANEL_FACTS)
    curve = [[1024 * step, 12.4 - 0.21 * step + 0.1 * (step % 3)] for step in range(1, 11)]
    trained = {"n_tokens": 99_999, "tokens_seen": 10_240, "loss_curve": curve}
    train = make_record("train", {"base": base, "corpus": corpus}, facts=trained, seconds=64.0)
    merge = make_record("merge", {"base": base, "checkpoint": train})
    embed = make_record("embed", {"model": base, "panel": panel}, facts={"n_tokens": 30_000})
    again = make_record("embed", {"model": merge, "panel": panel}, label="embed-trained", key="f" * 16)
    premium = make_record("premium", {"panel": panel, "base": embed, "trained": again})
    preflight = make_record("preflight", {"corpus": corpus, "panel": panel})
    return [base, corpus, panel, train, merge, embed, again, premium, preflight]


def made_draws(n_kept: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    on_and_off = rng.normal([-0.04, -0.26, -0.05, -0.19], 0.05, size=(n_kept, 4))
    return np.column_stack([np.arange(n_kept), on_and_off])


def made_scores(**changed: object) -> PremiumScores:
    fields = {
        "contract": "reference",
        "cut": date(2020, 12, 31),
        "n_stocks": 20,
        "n_rows": 600,
        "n_train_rows": 569,
        "n_test_rows": 31,
        "models": {
            "base": model_score(-0.2605, -0.0416, Interval(p2_5=0.1, p50=0.22, p97_5=0.35)),
            "trained": model_score(-0.1939, -0.0541, Interval(p2_5=0.02, p50=0.15, p97_5=0.27)),
        },
        "reductions": {HEADLINE_PAIR: Reduction(point=0.0791, interval=Interval(p2_5=-0.13, p50=0.07, p97_5=0.28))},
        "pairs": [HEADLINE_PAIR],
        "n_draws": 200,
        "n_kept_draws": 197,
        "dropped_draws": {"too_few_stocks": 2, "undefined_r2": 1},
        "robust": made_robust(),
    }
    return PremiumScores(**{**fields, **changed})


def model_score(r2_off: float, r2_on: float, interval: Interval) -> ModelScore:
    premium = r2_on - r2_off
    return ModelScore(
        n_columns=36,
        r2_off=r2_off,
        r2_on=r2_on,
        r2_on_folds=[r2_on] * 5,
        premium=premium,
        premium_interval=interval,
        checks=reference_checks(r2_off),
    )


@pytest.fixture
def write_inputs(tmp_path) -> Callable[..., dict[str, Path]]:
    """Writes the input folders of a report: `premium`, `preflight` and `corpus`."""

    def write(
        checks: list[Check] | None = None, ledger: dict[str, object] | None = None, **changed: object
    ) -> dict[str, Path]:
        folders = {name: tmp_path / name for name in ("premium", "preflight", "corpus")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        scores = made_scores(**changed)
        (folders["premium"] / "scores.json").write_text(scores.model_dump_json())
        np.save(folders["premium"] / "draws.npy", made_draws(scores.n_kept_draws))
        checks = checks or [
            Check(name="disk", passed=True, value="31.0 GB free", bound="at least 1.0 GB, 4 times the base model"),
            Check(name="panel stocks", passed=True, value="20 stocks", bound="at least 5, one per fold"),
        ]
        (folders["preflight"] / "checks.json").write_text(Preflight(checks=checks).model_dump_json())
        write_made_corpus(folders["corpus"], **(ledger or {}))
        return folders

    return write


@pytest.fixture(scope="session")
def recall_dir(tmp_path_factory) -> Path:
    """Folder of a recall artifact: `trained` predicts worse after its cutoff, `base` has no known one."""
    folder = tmp_path_factory.mktemp("recall")
    inputs = write_run(folder)
    write_predictions(folder / "premium", inputs["panel"])
    write_recall(CONFIG, inputs | {"premium": folder / "premium"}, folder)
    return folder


@pytest.fixture(scope="module")
def read_only(tmp_path_factory) -> Path:
    """A folder for the report that a module's tests read: the first of them writes it, none changes it."""
    return tmp_path_factory.mktemp("read-only")


@pytest.fixture(scope="session")
def unchanged() -> dict[str, Page]:
    """The page of the unchanged sample run, once it was written: most tests read that one."""
    return {}


@pytest.fixture
def write(records, write_inputs, tmp_path, unchanged):
    """Writes a report of the sample run and collects the text a reader sees."""
    sample = records

    def report(config=None, records=sample, **changed) -> Page:
        is_unchanged = config is None and records is sample and not changed
        if is_unchanged and unchanged:
            return unchanged["page"]
        write_report(config or ReportConfig(), write_inputs(**changed), records, tmp_path)
        page = Page(Report(tmp_path).page.read_text())
        if is_unchanged:
            unchanged["page"] = page
        return page

    return report
