"""The trainers' time of a training that was interrupted counts what the attempts before took."""

import json
from pathlib import Path

from tasks.train.estimates.sizes import read_sizes
from tasks.train.pipeline.facts import Outcome, facts_of
from tasks.train.pipeline.rows import Rows
from tasks.train.trainer import work_files
from tests.model_fixtures import SMALL_TRAINING, tiny_base

LINE = {"step": 5, "loss": 2.0, "tokens_seen": 500, "seconds": 4_000.0, "peak_memory_bytes": 10}


def test_the_trainers_seconds_are_those_of_all_attempts_and_their_dollars_are_not_counted_twice(tmp_path: Path) -> None:
    (tmp_path / work_files.AUDIT).write_text("[]")
    (tmp_path / work_files.VERSIONS).write_text(json.dumps({"torch": "2"}))
    rows = Rows(n_rows=20, n_steps=5, n_tokens=500, n_filler_rows=0, n_filler_tokens=0)
    outcome = Outcome(rows, [LINE], 7, None, 900.0, earlier_seconds=2_700.0, resumed_from_step=3, states=None)
    facts = facts_of(SMALL_TRAINING, read_sizes(tiny_base().path), outcome, tmp_path)
    assert (facts["trainer_seconds"], facts["earlier_trainer_seconds"]) == (3_600.0, 2_700.0)
    assert "dollars" not in facts
