"""A trainer that fails, stalls or runs too long is ended with all it started, and its own words are passed on."""

import time
from pathlib import Path

import psutil
import pytest

from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.errors import TrainerMissing, TrainingFailed
from tasks.train.pipeline.launch import (
    TooFewGpus,
    failure,
    run_trainer,
    trainer_command,
    trainer_environment,
    trainer_python,
)
from tasks.train.pipeline.monitor import Monitor, TimeLimits
from tasks.train.trainer import work_files
from tasks.train.trainer.failure import recording_failure

ON_CPU = TrainConfig(kernels="plain")


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trainer's interpreter that is a shell script; the test writes it."""
    script = tmp_path / "python"
    script.touch(mode=0o755)
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", str(script))
    return script


def monitor(folder: Path, stall_seconds: float = 60, deadline_seconds: float = 60) -> Monitor:
    return Monitor(folder / work_files.METRICS, 10, TimeLimits(stall_seconds, deadline_seconds))


def test_the_trainers_last_error_is_the_reason(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\necho 'torch.OutOfMemoryError: 96 GB wanted' >&2\necho bye\nexit 3\n")
    with pytest.raises(TrainingFailed, match=r"ended with exit code 3: torch.OutOfMemoryError: 96 GB wanted"):
        run_trainer(tmp_path, ON_CPU, monitor(tmp_path))


def test_an_error_of_our_own_is_found_before_the_launchers(trainer: Path, tmp_path: Path) -> None:
    ours = "tasks.train.trainer.update_audit.WeightsDoNotMove: after 50 steps 0.1% have changed"
    elastic = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: "
    trainer.write_text(f"#!/bin/sh\necho '{ours}'\necho '{elastic}'\nexit 1\n")
    with pytest.raises(TrainingFailed, match=ours):
        run_trainer(tmp_path, ON_CPU, monitor(tmp_path))


def test_a_killed_trainer_is_told_from_one_that_failed(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\necho loading\nkill -9 $$\n")
    with pytest.raises(
        TrainingFailed, match="the trainer was ended by SIGKILL; the kernel sends SIGKILL when memory is full"
    ):
        run_trainer(tmp_path, ON_CPU, monitor(tmp_path))


def test_a_stalled_trainer_is_ended_with_its_children(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\nsleep 300 & echo $! > child\nwait\n")
    with pytest.raises(TrainingFailed, match="finished no step for 0 minutes after step 0 of 10"):
        run_trainer(tmp_path, ON_CPU, monitor(tmp_path, stall_seconds=5))
    assert not psutil.pid_exists(int((tmp_path / "child").read_text()))


def test_a_trainer_past_its_deadline_is_ended(trainer: Path, tmp_path: Path) -> None:
    trainer.write_text("#!/bin/sh\nexec sleep 300\n")
    with pytest.raises(TrainingFailed, match=r"ran past deadline_minutes=0 at step 0 of 10"):
        run_trainer(tmp_path, ON_CPU, monitor(tmp_path, deadline_seconds=1))


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
    assert trainer_environment(on_cpu=True)[work_files.PLAIN_KERNELS] == "1"
    assert trainer_environment(on_cpu=False)[work_files.PLAIN_KERNELS] == "0"


def test_eight_ranks_are_started_by_torchs_launcher_on_a_lifeline(trainer: Path) -> None:
    on_gpus = TrainConfig(arm=FullWeightArm(n_ranks=8))
    launcher = f"{trainer} -m tasks.common.lifeline torch.distributed.run --standalone --nproc-per-node"
    assert " ".join(trainer_command(on_gpus)) == f"{launcher} 8 -m tasks.train.trainer axolotl.yaml"
    plain = FullWeightArm(n_ranks=2, expert_kernels="none", cut_cross_entropy=False)
    here = TrainConfig(arm=plain, kernels="plain")
    assert " ".join(trainer_command(here)) == f"{launcher} 2 -m tasks.train.trainer axolotl.yaml"
    assert " ".join(trainer_command(ON_CPU)) == f"{trainer} -m tasks.train.trainer axolotl.yaml"


def test_a_trainer_on_a_cpu_has_one_thread_unless_the_environment_says_another_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert trainer_environment(on_cpu=True)["OMP_NUM_THREADS"] == "1"
    assert trainer_environment(on_cpu=True, n_ranks=2)["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in trainer_environment()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert trainer_environment(on_cpu=True)["OMP_NUM_THREADS"] == "3"


def test_every_rank_has_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert trainer_environment(n_ranks=8)["CUDA_VISIBLE_DEVICES"] == "0,1,2,3,4,5,6,7"


def test_of_the_gpus_said_each_rank_gets_one_and_no_rank_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    assert trainer_environment()["CUDA_VISIBLE_DEVICES"] == "4"
    assert trainer_environment(n_ranks=4)["CUDA_VISIBLE_DEVICES"] == "4,5,6,7"
    with pytest.raises(TooFewGpus, match="CUDA_VISIBLE_DEVICES=4,5,6,7 names 4 GPUs, the arm asks for n_ranks=8"):
        trainer_environment(n_ranks=8)
    # Ranks of a CPU need none.
    assert trainer_environment(on_cpu=True, n_ranks=8)["CUDA_VISIBLE_DEVICES"] == "4,5,6,7"


def test_the_first_rank_to_fail_tells_the_reason(tmp_path: Path) -> None:
    for words in ("the weights do not move", "connection closed by peer"):
        with pytest.raises(ZeroDivisionError), recording_failure(tmp_path):
            raise ZeroDivisionError(words)
    (tmp_path / work_files.LOG).write_text("torch.distributed.elastic.multiprocessing.errors.ChildFailedError:\n")
    assert "ended with ZeroDivisionError: the weights do not move Its last" in str(failure(1, tmp_path))


def test_a_rank_that_was_killed_is_named_as_such(tmp_path: Path) -> None:
    said = "  traceback : Signal {} received by PID 77\n"
    (tmp_path / work_files.LOG).write_text(
        said.format("15 (SIGTERM)") + said.format("9 (SIGKILL)") + "ChildFailedError:\n"
    )
    assert "the trainer was ended by SIGKILL" in str(failure(1, tmp_path))
    with pytest.raises(RuntimeError), recording_failure(tmp_path):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:537] Read error: Connection reset by peer")
    assert "the trainer was ended by SIGKILL" in str(failure(1, tmp_path))


LINE = '{"step": %d, "loss": %s, "learning_rate": 0.1, "tokens_seen": %d, "seconds": %.1f}\n'


def test_progress_has_done_total_and_rate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monitored = monitor(tmp_path)
    monitored.metrics.write_text(LINE % (5, 2.5, 1000, 50))
    monitored.poll()
    assert "train: step 5 of 10, loss 2.5000, 20 tokens/s, 50 s left, 0 states in the store" in caplog.text


def test_after_a_resume_speed_is_of_the_steps_done_since(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    metrics = tmp_path / work_files.METRICS
    metrics.write_text(LINE % (3, 2.6, 600, 1_000) + LINE % (4, 2.5, 800, 2_000))
    monitored = monitor(tmp_path)
    monitored.poll()
    assert caplog.text == ""
    with metrics.open("a") as file:
        file.write(LINE % (5, 2.4, 1_000, 2_010))
    monitored.poll()
    assert "step 5 of 10, loss 2.4000, 20 tokens/s, 50 s left" in caplog.text


def test_a_line_still_being_written_waits_for_the_next_poll(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, half = LINE % (1, 2.5, 500, 4), LINE % (2, 2.5, 1000, 4)
    metrics = tmp_path / work_files.METRICS
    monitored = Monitor(metrics, 2, TimeLimits(60, 60))
    with caplog.at_level("INFO", "tasks.train.pipeline.monitor"):
        metrics.write_text(whole + half[:20])
        monitored.poll()
        metrics.write_text(whole + half)
        monitored.poll()
    assert [message.split(",")[0] for message in caplog.messages] == ["train: step 1 of 2", "train: step 2 of 2"]


@pytest.mark.parametrize("loss", ["NaN", "Infinity"])
def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, loss: str) -> None:
    monitored = monitor(tmp_path)
    monitored.metrics.write_text(LINE % (1, 2.5, 500, 4) + LINE % (2, loss, 1_000, 5))
    with pytest.raises(
        TrainingFailed, match=r"the loss is (nan|inf) at step 2, which must be finite; the trainer was ended"
    ):
        monitored.poll()


def test_a_first_state_that_does_not_reach_the_store_ends_the_run_and_one_that_does_not(tmp_path: Path) -> None:
    limits, long_ago, n_published = TimeLimits(9_999, 9_999, first_state_seconds=60), time.monotonic() - 61, 0
    monitored = Monitor(tmp_path / work_files.METRICS, 10, limits, lambda: n_published, started=long_ago)
    with pytest.raises(TrainingFailed, match="no training state reached the store within first_checkpoint_minutes=1"):
        monitored.poll()
    n_published = 1
    monitored.poll()
