"""A whole update with a real training, in this process: `hindsight run`."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from flows.live.production import look_refs
from flows.live.update import update_line
from flows.runner.inline import run_inline
from tasks.live.looks import read_look
from tasks.schemas.artifacts import Checkpoint
from tasks.versions.history import read_history
from tests.live.small_live import AT, LINE, adapter_folder, own_store, recipe, write_outcomes

pytestmark = pytest.mark.trainer


def test_a_training_goes_on_from_production_and_the_candidate_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", "")
    store = own_store(tmp_path)
    own = recipe(write_outcomes(tmp_path / "desk", ("2026-05-01", 0.01)))
    done = update_line(own, AT, run_inline, store, "ada")
    history = read_history(store.objects, LINE)
    assert (done.ending, history.versions["v1"].state) in (("Promoted", "deprecated"), ("Kept", "production"))
    (look,) = (read_look(store, ref) for ref in look_refs(history))
    assert look.cost.n_tokens
    adapter = history.versions["v2"].evidence.artifacts["adapter"]
    record, checkpoint = store.record(adapter), Checkpoint(store.fetch(adapter))
    assert record.inputs["start"] == history.versions["v1"].evidence.artifacts["adapter"]
    # Production says down, and every outcome was up: the first steps are far off, and the loss falls.
    losses = [loss for _, loss in record.facts["loss_curve"]]
    assert losses[-1] < losses[0]
    before, after = (
        load_file(folder / "adapter_model.safetensors") for folder in (adapter_folder("down"), checkpoint.adapter_dir)
    )
    assert before.keys() == after.keys()
    # A short training moves the adapter and stays near it: a new one would have zeros where this one has none.
    moved = {name: float((after[name] - before[name]).norm() / before[name].norm()) for name in before}
    assert 0 < max(moved.values()) < 0.5
    assert all(bool(torch.isfinite(tensor).all()) for tensor in after.values())
