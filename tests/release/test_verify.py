"""A model is released once every step has passed, and a process killed between two of them releases nothing."""

import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.measure import measure_direction
from tasks.evaluate.rows import direction_rows
from tasks.export.config import ExportConfig
from tasks.export.write import write_export
from tasks.release.config import ARTIFACT_TYPE, ReleaseConfig
from tasks.release.errors import AnswersDiffer, GatesFailed
from tasks.release.task import publish_release
from tasks.schemas.examples import Exported
from tasks.schemas.release import Release
from tasks.store.receipts import read_receipt
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import open_store
from tests.evaluate.panels import made_panel
from tests.gguf.small_chat_models import chat_model, needs_export
from tests.store.small_artifact import SmallConfig

pytestmark = needs_export()
STEPS = ("fetch_elsewhere", "read_header", "_check_answers", "check_gates", "verify")
KILLED_AFTER = """
import os, signal, sys
from tasks.release import verify
from tasks.release.config import ReleaseConfig
from tasks.release.task import publish_release
from tasks.store.refs import ArtifactRef

step = getattr(verify, sys.argv[1])

def then_die(*arguments, **named):
    step(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(verify, sys.argv[1], then_die)
publish_release.fn(ReleaseConfig(), *map(ArtifactRef.model_validate_json, sys.argv[2:]))
"""
"""A release that is killed right after one of its steps."""


@pytest.fixture(scope="module")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a small export; a random model, so that its parity is not gated."""
    folder = tmp_path_factory.mktemp("export") / "artifact"
    folder.mkdir()
    config = ExportConfig(name="small", prompts=("Why?",), n_greedy=8, gate_parity=False)
    write_export(config, chat_model(tmp_path_factory.mktemp("model")), folder)
    return folder


@pytest.fixture(scope="module")
def scores_text() -> str:
    rows = direction_rows(made_panel(n_days=80), EvaluateConfig())
    return measure_direction(rows, EvaluateConfig(models=("planted",), n_draws=20)).model_dump_json()


class Published:
    """The inputs of a release, in a store."""

    def __init__(self, folder: Path, model_files: Path, scores: str, first_loss: float = math.log(2)) -> None:
        self.store, self.folder = open_store(), folder
        self.export = self.publish("export", model_files)
        self.evaluate = self.publish("evaluate", self.file("results.json", scores))
        self.dpo = self.publish("train", self.file("metrics.jsonl", json.dumps({"step": 1, "loss": first_loss}) + "\n"))

    @property
    def refs(self) -> tuple[ArtifactRef, ArtifactRef, ArtifactRef]:
        return self.export, self.evaluate, self.dpo

    def file(self, name: str, text: str) -> Path:
        own = self.folder / name.replace(".", "-")
        own.mkdir()
        (own / name).write_text(text)
        return own

    def publish(self, kind: str, folder: Path) -> ArtifactRef:
        spec = ArtifactType[SmallConfig](kind, 1, lambda config, inputs: "made").spec(SmallConfig())
        return self.store.publish(spec, folder, {}, 1.0)

    def found(self) -> ArtifactRef | None:
        names = zip(("export", "evaluate", "dpo"), self.refs, strict=True)
        return self.store.find(ARTIFACT_TYPE.spec(ReleaseConfig(), dict(names)))

    def receipts(self) -> list[str]:
        return [info.name for info in self.store.objects.list("receipts/")]


@pytest.fixture
def published(own_state: Path, tmp_path: Path, model_files: Path, scores_text: str) -> Published:
    return Published(tmp_path, model_files, scores_text)


def test_a_released_model_has_a_receipt_and_what_was_shown_of_it(published: Published) -> None:
    ref = publish_release.fn(ReleaseConfig(), *published.refs)
    release, record = Release.read(published.store.fetch(ref)), published.store.record(ref)
    receipt = read_receipt(published.store, str(record.facts["receipt"]))
    assert (release.export, receipt.ref) == (published.export, published.export)
    assert release.model_file.size == Exported(published.store.fetch(published.export)).gguf.stat().st_size
    assert {gate.name for gate in release.gates} >= {"first preference loss", "planted control"}
    assert all(gate.passed for gate in release.gates)


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_after_a_step_has_released_nothing_and_the_next_one_releases(
    published: Published, step: str
) -> None:
    arguments = [step, *(ref.model_dump_json() for ref in published.refs)]
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER, *arguments], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2_000:]
    assert published.found() is None
    # The receipt is the last step's: it proves the bytes, and the release is what is published after it.
    assert len(published.receipts()) == (step == "verify")
    publish_release.fn(ReleaseConfig(), *published.refs)
    assert published.found() is not None


def test_a_first_loss_beside_ln_2_releases_nothing(
    own_state: Path, tmp_path: Path, model_files: Path, scores_text: str
) -> None:
    published = Published(tmp_path, model_files, scores_text, first_loss=0.7051)
    with pytest.raises(GatesFailed, match=r"first preference loss: 0\.70510000, bound: ln 2 = 0\.69314718"):
        publish_release.fn(ReleaseConfig(), *published.refs)
    assert (published.found(), published.receipts()) == (None, [])


def test_an_evaluation_that_cannot_tell_releases_nothing(published: Published) -> None:
    with pytest.raises(GatesFailed, match=r"planted control: 0\.98\d, bound: at least 1 on the chronological hold-out"):
        publish_release.fn(ReleaseConfig(min_planted_accuracy=1), *published.refs)


def test_a_gain_that_was_not_measured_is_no_gain(published: Published) -> None:
    with pytest.raises(GatesFailed, match="accuracy gain: final was not compared with base"):
        publish_release.fn(ReleaseConfig(min_accuracy_gain=0), *published.refs)


def test_a_model_that_answers_otherwise_is_not_released(
    own_state: Path, tmp_path: Path, model_files: Path, scores_text: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in model_files.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    probes = json.loads((other / "probe.json").read_text())
    (other / "probe.json").write_text(json.dumps([{**probe, "answer": "something else"} for probe in probes]))
    published = Published(tmp_path, other, scores_text)
    with pytest.raises(AnswersDiffer, match="answered 'something else' when it was exported"):
        publish_release.fn(ReleaseConfig(), *published.refs)
    assert (published.found(), published.receipts()) == (None, [])
