"""Every part leaves a record, however it ends; what is finished is not run again; the next part starts in any case."""

import json
import re
import runpy
from pathlib import Path

import jsonschema
import psutil
import pytest
import torch

from tasks.common.settings import project_root
from tasks.gpu_trial.page import PAGE, write_trial
from tasks.gpu_trial.parts import PARTS, TRIAL_SECONDS, Part
from tasks.gpu_trial.schema import GpuTrial, Size
from tasks.gpu_trial.trial import RECORD, NoGpu, UnknownPart, run_trial
from tests.gpu_trial.made_parts import STARTS, made
from tests.waiting import GENEROUS_SECONDS

SCHEMA = project_root() / "docs" / "reference" / "gpu-trial.schema.json"


def ran(
    folder: Path, *parts: Part, again: tuple[str, ...] = (), size: Size = "small", seconds: float = GENEROUS_SECONDS
) -> GpuTrial:
    trials = list(run_trial(size, folder, again, seconds, parts))
    assert len(trials) == len(parts)
    return trials[-1]


def test_the_next_part_runs_however_the_one_before_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STARTS, str(tmp_path / "starts"))
    trial = ran(tmp_path, made("raises"), made("is_killed"), made("misses"), made("measures"))
    told = {record.name: (record.status, record.error, record.passed) for record in trial.parts}
    assert told == {
        "raises": ("failed", "Unfit: the <script>kernel</script> is missing; install it.", False),
        "is_killed": ("failed", "its process ended with SIGKILL", False),
        "misses": ("finished", "", False),
        "measures": ("finished", "", True),
    }
    assert "Traceback" in (tmp_path / "logs" / "raises.log").read_text()
    assert list((tmp_path / "work").iterdir()) == []


def test_a_part_out_of_time_ends_with_all_it_started(tmp_path: Path) -> None:
    # At small size a limit is ten times as long: long enough to have started a child.
    (record,) = ran(tmp_path, made("hangs", seconds=1.5)).parts
    assert (record.status, record.limit_seconds) == ("out of time", 15)
    assert re.fullmatch(r"it was ended after 15 s; see logs/hangs\.log\.", record.error)
    assert not psutil.pid_exists(int((tmp_path / "child").read_text()))


def test_a_second_call_goes_on_and_repeats_nothing_that_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = tmp_path / "starts"
    monkeypatch.setenv(STARTS, str(starts))
    first = ran(tmp_path, made("measures"), made("raises"))
    second = ran(tmp_path, made("measures"), made("raises"))
    assert starts.read_text() == "small\n"
    assert second.parts[0] == first.parts[0]
    assert second.parts[1].started_at > first.parts[1].started_at
    ran(tmp_path, made("measures"), again=("measures",))
    assert starts.read_text() == "small\n" * 2
    # By other code it would do something else.
    monkeypatch.setattr("tasks.gpu_trial.trial.code_digest", lambda: "0" * 64)
    ran(tmp_path, made("measures"))
    assert starts.read_text() == "small\n" * 3


def test_parts_without_time_left_are_the_next_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STARTS, str(tmp_path / "starts"))
    (record,) = ran(tmp_path, made("measures"), seconds=0.1).parts
    assert (record.status, record.error) == ("not started", "0 s were left; run the trial again.")
    assert ran(tmp_path, made("measures")).parts[0].status == "finished"


def test_the_page_shows_every_figure_and_no_markup_of_theirs(tmp_path: Path) -> None:
    trial = ran(tmp_path, made("misses"), made("raises"))
    write_trial(trial, tmp_path)
    jsonschema.validate(json.loads((tmp_path / RECORD).read_text()), json.loads(SCHEMA.read_text()))
    assert GpuTrial.model_validate_json((tmp_path / RECORD).read_text()) == trial
    page = (tmp_path / PAGE).read_text()
    assert "0 of 2 parts finished with every figure in its bounds." in page
    assert "&lt;script&gt;kernel&lt;/script&gt; is missing" in page
    assert "&lt;b&gt;3&lt;/b&gt;" in page
    assert "<script" not in page
    assert "of.a part" in page
    assert "Nothing here ran on a GPU" in page


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_the_full_size_is_refused_without_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(NoGpu, match="--size small runs every part"):
        ran(tmp_path, made("measures"), size="full")
    assert list(tmp_path.iterdir()) == []


def test_the_published_schema_is_what_a_trial_writes() -> None:
    schema = runpy.run_path(str(project_root() / "docs" / "results.py"))["schema"]("gpu-trial")
    assert SCHEMA.read_text() == schema
    jsonschema.Draft202012Validator.check_schema(json.loads(schema))
    with pytest.raises(jsonschema.ValidationError, match="'parts' is a required property"):
        jsonschema.validate({"schema_version": 1, "device": "cpu", "size": "small", "seconds": 1}, json.loads(schema))


def test_by_default_all_parts_fit_at_small_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STARTS, str(tmp_path / "starts"))
    monkeypatch.setattr("tasks.gpu_trial.trial.TRIAL_SECONDS", 1.0)
    (trial,) = run_trial("small", tmp_path, parts=[made("measures")])
    assert 5 < trial.parts[0].limit_seconds <= 10


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownPart, match="part 'pack' is unknown; it is one of environment, patches"):
        next(run_trial("small", tmp_path, ["pack"]))


def test_the_parts_that_decide_most_fit_into_the_ten_minutes() -> None:
    *first, last = PARTS
    assert sum(part.seconds for part in first) <= TRIAL_SECONDS
    assert last.name == "plain-lora-step"
