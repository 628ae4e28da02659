"""A bundle's ladders and recall figures are compared with scores and recall probes."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks.bundle.verify import Off, check_ladders, verify
from tasks.bundle.write import write_bundle
from tasks.report.quoted import Quoted
from tasks.report.quoted_ladders import quoted_ladders
from tasks.store.store import open_store
from tests.bundle.made_run import PREMIUM, made_run
from tests.bundle.test_bundle import forge_results, one
from tests.report.conftest import made_scores
from tests.report.sample_robust import made_robust
from tests.report.test_ladder_section import made_ladder

LADDER = PREMIUM.model_copy(
    update={
        "cutoffs": {"base": date(2020, 12, 1), "trained": date(2020, 12, 20)},
        "ladders": {"made": ("base", "trained")},
    }
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("probed")
    (state / "files").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HINDSIGHT_STATE", str(state))
        patch.setenv("HINDSIGHT_STORE", str(state / "store"))
        store = open_store()
        write_bundle(store, made_run(store, state / "files", premium=LADDER, recall=True), state / "bundle")
    return state / "bundle"


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "changed"))


def test_recalls_figures_are_in_the_bundle_and_verified(whole):
    results = json.loads((whole / "results.json").read_text())
    n = len(results["figures"]) + len(results["recall"]["figures"]) + len(results["recall"]["change_points"])
    assert f"{n} figures equal scores and recall probes" in "\n".join(verify(whole))
    recall = json.loads(one(whole, "artifacts/recall/*/*/recall.json").read_text())
    assert list(recall["models"]) == ["base", "trained"]


def _forget_ladder(results: Any) -> None:
    results["ladders"].clear()


def _better_recall(results: Any) -> None:
    results["recall"]["figures"][0]["point"] = 0.9


def _other_day(results: Any) -> None:
    results["recall"]["change_points"][-1]["day"] = "2019-01-01"


def _other_artifact(results: Any) -> None:
    results["recall"]["artifact"] = "0" * 64


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_forget_ladder, r"has the ladders \[\], the scores have \['made'\]"),
        (lambda results: results["ladders"][0].update(verdict="tent"), "as verdict of the ladder made, the scores"),
        (_better_recall, r"for rise of base, recall\.json has"),
        (_other_day, r"for the change point of base - trained, recall\.json has"),
        (_other_artifact, "recall artifact that is not in this bundle"),
    ],
)
def test_a_forged_ladder_or_recall_is_found(bundle: Path, edit: Callable[[Any], None], message: str):
    forge_results(bundle, edit)
    with pytest.raises(Off, match=message):
        verify(bundle)


def test_results_of_an_earlier_version_without_these_rows_are_verified(bundle):
    def earlier(results: Any) -> None:
        del results["ladders"], results["recall"]

    forge_results(bundle, earlier)
    verify(bundle)


@pytest.mark.parametrize("name", ["point", "low", "high", "smallest_detectable"])
def test_every_share_of_a_fitted_ladder_is_compared_with_the_scores(name: str):
    scores = made_scores(robust=made_robust(ladders={"chrono": made_ladder(0.2)}))
    results = {"ladders": [json.loads(own.model_dump_json()) for own in quoted_ladders(Quoted(scores, "a" * 64))]}
    known = json.loads(scores.model_dump_json())
    assert check_ladders(results, known, "a" * 64) == 4
    with pytest.raises(Off, match="of another premium artifact"):
        check_ladders(results, known, "b" * 64)
    results["ladders"][0]["shares"][-1][name] += 0.01
    with pytest.raises(Off, match="other shares for the ladder chrono than the scores"):
        check_ladders(results, known, "a" * 64)
