"""The newest answer of a pool: used while it is young, and otherwise a sentence."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hindsight.cli.main import main
from tasks.doctor.diagnosis import Diagnosis, UnfitMachine, newest, publish
from tasks.doctor.facts import find_facts
from tasks.schemas.artifacts import Check
from tasks.schemas.check_lines import info_line
from tasks.store.audit import AuditConfig, audit
from tasks.store.store import open_store
from tests.doctor.machines import gpu_machine
from tests.s3_server import free_port

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LACK = Check(name="GPUs", passed=False, value="none", bound="1", way_out="Rent one.")


def answer(*checks: Check) -> Diagnosis:
    return Diagnosis(pool="h100", asked_at=NOON, facts=gpu_machine(), checks=checks)


@pytest.mark.parametrize(
    ("hours", "is_used", "sentence"),
    [
        (0, True, "gpu-node-7 was asked 0.0 h ago"),
        (24, True, "gpu-node-7 was asked 24.0 h ago"),
        (24.1, False, "gpu-node-7 was asked 24.1 h ago, longer than limits.doctor_hours = 24 allows"),
        (-0.5, False, "gpu-node-7 answered at a time that is still to come: clocks differ"),
    ],
)
def test_an_answer_is_used_while_it_is_young(hours: float, is_used: bool, sentence: str) -> None:
    objects = open_store().objects
    publish(answer(info_line("driver", "NVIDIA 580")), objects)
    found = newest(objects, "h100", 24, NOON + timedelta(hours=hours))
    assert (found.diagnosis is not None) is is_used
    assert found.sentence.startswith(sentence)
    assert is_used or "doctor/h100" in found.sentence


def test_the_last_answer_is_the_newest_and_each_pool_has_its_own() -> None:
    objects = open_store().objects
    assert newest(objects, "h100", 24, NOON).sentence.startswith("never asked, so its GPUs, kernels")
    for checks in ((LACK,), (info_line("driver", "none"),)):
        publish(answer(*checks), objects)
    found = newest(objects, "h100", 24, NOON).diagnosis
    assert found is not None
    assert [check.name for check in found.checks] == ["driver"]
    assert newest(objects, "h100x8", 24, NOON).diagnosis is None
    assert audit(open_store(), AuditConfig()).wrong == ()


def test_a_damaged_answer_counts_as_none_and_is_named() -> None:
    objects = open_store().objects
    publish(answer(), objects)
    objects.write("doctor/h100.json", objects.read("doctor/h100.json").replace(b"gpu-node-7", b"gpu-node-8"))
    found = newest(objects, "h100", 24, NOON)
    assert found.diagnosis is None
    assert "doctor/h100.json" in found.sentence
    assert "it was changed after it was sealed" in found.sentence


def test_what_is_lacking_ends_in_one_error_with_a_sentence_each() -> None:
    answer(info_line("driver", "none")).check()
    with pytest.raises(
        UnfitMachine, match=r"^1 of 2 checks of gpu-node-7 failed\. GPUs: none; needed: 1\. Rent one\.$"
    ):
        answer(info_line("driver", "none"), LACK).check()


def test_the_command_prints_what_it_finds_and_exits_by_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", str(tmp_path / "python"))
    monkeypatch.setenv("PREFECT_API_URL", "")
    monkeypatch.setenv("HINDSIGHT_PORT", str(free_port()))
    assert main(["doctor", "--json"]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["facts"]["trainer"]["packages"] == {}
    assert {check["name"] for check in found["checks"] if not check["passed"]} == {"trainer environment"}
    assert f"hindsight: trainer environment: the trainer's interpreter {tmp_path}/python is missing" in printed.err
    assert main(["doctor", "--pool", "h200"]) == 1
    assert "pool 'h200' is unknown; it is one of cpu, h100, h100x8." in capsys.readouterr().err


def test_an_interpreter_that_cannot_report_is_a_problem_with_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/bin/false")
    assert find_facts().trainer.problem == "the trainer's interpreter cannot report: nothing was printed"


@pytest.mark.trainer
def test_the_trainers_environment_reports_its_torch_and_its_packages() -> None:
    trainer = find_facts().trainer
    assert trainer.torch.startswith("2.13.0")
    assert "flash-linear-attention" in trainer.packages
    assert trainer.broken == {}


def test_a_module_that_cannot_be_imported_is_reported_and_does_not_end_the_report() -> None:
    from tasks.train.trainer.machine_report import import_errors

    assert import_errors(["json", "no_such_kernel"]) == {
        "no_such_kernel": "ModuleNotFoundError: No module named 'no_such_kernel'"
    }
    assert "no_such_kernel" not in sys.modules
