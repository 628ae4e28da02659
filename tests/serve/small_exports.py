"""A line of releases, each with a small GGUF file: one model, with another last norm in every version."""

import json
import shutil
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from tasks.gguf.engine import engine, greedy_answers
from tasks.schemas.direction import DirectionScores
from tasks.schemas.examples import Gate
from tasks.schemas.release import RELEASE_NAME, Release, ReleasedFile
from tasks.store.digests import sha256_of_file
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions import moves
from tests.gguf.small_chat_models import small_gguf
from tests.model_fixtures import scratch_folder
from tests.serve.small_line import LINE, WHY, publish

PROMPT = "Will the euro rise?"
N_NEW = 24


@cache
def gguf_of(number: int) -> Path:
    """The file of a version: the numbers by which its last norm weighs are its own."""
    from gguf import GGUFReader

    file = scratch_folder("gguf") / "model.gguf"
    shutil.copy(small_gguf(), file)
    (norm,) = [tensor for tensor in GGUFReader(file, "r+").tensors if tensor.name == "output_norm.weight"]
    norm.data[:] = np.random.default_rng(number).normal(0, 1, norm.data.shape)
    norm.data.flush()
    return file


@cache
def expected_text(number: int) -> str:
    """The greedy answer to the prompt by a server of its own, that has never served another version."""
    with engine(gguf_of(number)) as running:
        return running.greedy(running.tokenize(PROMPT, add_special=True), N_NEW)[1]


@cache
def export_folder(number: int, answered_by: int | None = None) -> Path:
    """An export's files. Its probe answers may be those of another version."""
    folder = scratch_folder("export")
    digest = sha256_of_file(gguf_of(number))
    shutil.copy(gguf_of(number), folder / f"small-{digest[:16]}.Q8_0.gguf")
    answers = greedy_answers(gguf_of(answered_by or number), [PROMPT, "Why?"])
    probes = [{"prompt": asked, "answer": own} for asked, own in zip([PROMPT, "Why?"], answers, strict=True)]
    (folder / "probe.json").write_text(json.dumps(probes))
    (folder / "gates.json").write_text("[]")
    (folder / "Modelfile").write_text("FROM small\n")
    return folder


def add_release(store: Store, number: int, answered_by: int | None = None) -> str:
    """Publish a release with what it came from, and register it; returns the version's name."""
    base = publish(store, "base", 0, {}, {})
    adapter = publish(store, "train", number, {}, {"base": base})
    export = publish(store, "export", number, {"": export_folder(number, answered_by)}, {})
    evaluation = publish(store, "evaluate", number, {"": _scores()}, {})
    inputs = {"dpo": adapter, "export": export, "evaluate": evaluation}
    release = publish(store, "release", number, {"": _release(export)}, inputs)
    return moves.register(store, LINE, release, **WHY).name


def _release(export: ArtifactRef) -> Path:
    folder = scratch_folder("release")
    gate = Gate(name="size", passed=True, value="1", bound="1")
    file = ReleasedFile(path="small.gguf", size=1, sha256="0" * 64)
    release = Release(export=export, client="fsspec", files=[file], gguf={}, n_probes=2, gates=[gate])
    (folder / RELEASE_NAME).write_text(release.model_dump_json())
    return folder


def _scores() -> Path:
    folder, day = scratch_folder("evaluate"), date(2026, 1, 1)
    counts = dict.fromkeys(("n_rows", "n_pairs", "n_currencies", "n_days", "horizon", "embargo_days"), 1)
    days = dict.fromkeys(("first_day", "last_day", "holdout_from", "train_until"), day)
    empty: dict[str, dict] = {name: {} for name in ("splits", "n_zero", "n_zero_train", "share_up", "models")}
    bounds = {"days_per_run": 1, "n_draws": 1, "cost_bps": 0.0, "peg_fraction": 0.0}
    scores = DirectionScores(**counts, **days, **empty, **bounds, features=[], pegs=[])
    (folder / "results.json").write_text(scores.model_dump_json())
    return folder
