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
    # Here, the pool h100 is a machine without a GPU.
    unfit = send("doctor/h100", {"recipe": "fineweb-2017-26-lora"})
    assert finished(fit).state_type is StateType.COMPLETED
    ended = finished(unfit)
    assert ended.state_type is StateType.FAILED
    assert "GPUs: none; needed: 1 of 79.1 GiB, the pool h100's. Rent the machine" in str(
        ended.state and ended.state.message
    )
    objects = open_store().objects
    for pool, n_failed in (("cpu", 0), ("h100", 3)):
        answer = newest(objects, pool, max_age_hours=1)
        assert answer.diagnosis is not None
        assert [check.name for check in answer.diagnosis.checks if check.name.startswith("clock")] == [
            "clock of the store",
            "clock of the server",
        ]
        assert len(answer.diagnosis.failed) == n_failed
    with get_client(sync_client=True) as client:
        tables = {
            found.key: found for found in client.read_artifacts() if found.key and found.key.startswith("doctor-")
        }
    assert set(tables) == {"doctor-cpu", "doctor-h100"}
    assert "pool cpu" in str(tables["doctor-cpu"].description)
