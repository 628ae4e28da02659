"""A trainer that fails, stalls or runs too long is ended with all it started, and its own words are passed on."""

import time
from pathlib import Path

import psutil
import pytest

from tasks.train import workplace
from tasks.train.errors import TrainerMissing, TrainingFailed
from tasks.train.launch import run_trainer, trainer_environment, trainer_python
from tasks.train.watch import Watch


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trainer's interpreter that is a shell script; the test writes it."""
    script = tmp_path / "python"
    script.touch(mode=0o755)
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", str(script))
    return script


def watch(folder: Path, stall_seconds: float = 60, deadline_seconds: float = 60) -> Watch:
    return Watch(folder / workplace.METRICS, 10, stall_seconds, deadline_seconds)


def test_the_trainers_last_error_is_the_reason(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\necho 'torch.OutOfMemoryError: 96 GB wanted' >&2\necho bye\nexit 3\n")
    with pytest.raises(TrainingFailed, match=r"ended with exit code 3: torch.OutOfMemoryError: 96 GB wanted"):
        run_trainer(tmp_path, watch(tmp_path), on_cpu=True)


def test_a_killed_trainer_is_told_from_one_that_failed(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\necho loading\nkill -9 $$\n")
    with pytest.raises(
        TrainingFailed, match="the trainer was ended by SIGKILL; SIGKILL is the kernel's way out of full"
    ):
        run_trainer(tmp_path, watch(tmp_path), on_cpu=True)


def test_a_stalled_trainer_is_ended_with_its_children(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\nsleep 300 & echo $! > child\nwait\n")
    with pytest.raises(TrainingFailed, match="finished no step for 0 minutes after step 0 of 10"):
        run_trainer(tmp_path, watch(tmp_path, stall_seconds=1.5), on_cpu=True)
    assert not psutil.pid_exists(int((tmp_path / "child").read_text()))


def test_a_trainer_past_its_deadline_is_ended(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\nexec sleep 300\n")
    with pytest.raises(TrainingFailed, match=r"ran past deadline_minutes=0 at step 0 of 10"):
        run_trainer(tmp_path, watch(tmp_path, deadline_seconds=1), on_cpu=True)


def test_a_missing_trainer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    with pytest.raises(TrainerMissing, match="/nowhere/python is missing"):
        trainer_python()


def test_a_choice_of_gpus_is_left_alone_and_else_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert trainer_environment()["CUDA_VISIBLE_DEVICES"] == ""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert trainer_environment()["CUDA_VISIBLE_DEVICES"] == "0"


def test_plain_kernels_keep_triton_out_and_fused_ones_do_not() -> None:
    assert trainer_environment(on_cpu=True)[workplace.PLAIN_KERNELS] == "1"
    assert trainer_environment(on_cpu=False)[workplace.PLAIN_KERNELS] == "0"


def test_progress_has_done_total_and_rate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    metrics = tmp_path / workplace.METRICS
    metrics.write_text('{"step": 5, "loss": 2.5, "learning_rate": 0.1, "tokens_seen": 1000, "seconds": 50.0}\n')
    Watch(metrics, 10, 60, 60, started=time.monotonic()).look()
    assert "train: step 5 of 10, loss 2.5000, 20 tokens/s, 0.8 min left" in caplog.text


def test_a_line_still_being_written_waits_for_the_next_look(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = '{"step": %d, "loss": 2.5, "learning_rate": 0.1, "tokens_seen": %d, "seconds": 4.0}\n'
    whole, half = line % (1, 500), line % (2, 1000)
    metrics = tmp_path / workplace.METRICS
    looking = Watch(metrics, 2, 60, 60)
    with caplog.at_level("INFO", "tasks.train.watch"):
        metrics.write_text(whole + half[:20])
        looking.look()
        metrics.write_text(whole + half)
        looking.look()
    assert [message.split(",")[0] for message in caplog.messages] == ["train: step 1 of 2", "train: step 2 of 2"]
