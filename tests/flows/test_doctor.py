"""The doctor's button: a pool's own machine answers, in the UI and in the store, and the answer is used."""

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from tasks.doctor.diagnosis import newest
from tasks.store.store import open_store
from tests.flows.stage_runs import finished, send
from tests.local_stack import Stack

pytestmark = pytest.mark.server


def test_a_pools_machine_answers_in_a_table_and_in_the_store(on_stack: Stack) -> None:
    fit = send("doctor/cpu", {})
    # The pool h100 is this machine, whose trainer has no kernels of a GPU image.
    unfit = send("doctor/h100", {"recipe": "fineweb-2017-26-lora"})
    assert finished(fit).state_type is StateType.COMPLETED
    ended = finished(unfit)
    assert ended.state_type is StateType.FAILED
    assert ended.state is not None
    assert "fineweb-2017-26-lora: cut cross entropy: no cut-cross-entropy; needed: " in str(ended.state.message)
    objects = open_store().objects
    for pool in ("cpu", "h100"):
        answer = newest(objects, pool, max_age_hours=1)
        assert answer.diagnosis is not None
        assert bool(answer.diagnosis.failed) is (pool == "h100")
        assert [check.name for check in answer.diagnosis.checks if check.name.startswith("clock")] == [
            "clock of the store",
            "clock of the server",
        ]
    with get_client(sync_client=True) as client:
        tables = {found.key: found for found in client.read_artifacts() if str(found.key).startswith("doctor-")}
    assert set(tables) == {"doctor-cpu", "doctor-h100"}
    assert "pool cpu" in str(tables["doctor-cpu"].description)
