"""The bill of a training that was interrupted counts what the attempts before took."""

import json
from pathlib import Path

import pytest

from tasks.train import workplace
from tasks.train.blocks import Rows
from tasks.train.facts import Outcome, Spent, facts_of
from tests.model_fixtures import SMALL_TRAINING, tiny_base

LINE = {"step": 5, "loss": 2.0, "tokens_seen": 500, "seconds": 4_000.0, "peak_memory_bytes": 10}


def test_dollars_are_those_of_all_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_POOL", "h100")
    (tmp_path / workplace.AUDIT).write_text("[]")
    (tmp_path / workplace.VERSIONS).write_text(json.dumps({"torch": "2"}))
    rows = Rows(n_rows=20, n_steps=5, n_tokens=500, n_filler_rows=0, n_filler_tokens=0)
    spent = Spent(seconds=900.0, earlier_seconds=2_700.0)
    outcome = Outcome(rows, [LINE], 7, None, spent, resumed_from_step=3, states=None)
    facts = facts_of(SMALL_TRAINING, tiny_base(), outcome, tmp_path)
    assert (facts["trainer_seconds"], facts["earlier_trainer_seconds"]) == (3_600.0, 2_700.0)
    # An hour on one H100 at the list's 2.39 dollars.
    assert facts["dollars"] == pytest.approx(2.39)
