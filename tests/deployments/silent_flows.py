"""Tiny flows: one is silent and healthy, one waits to be killed, one ends at once, two do what a parent does."""

import time
from typing import Literal

import numpy as np
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.flow_runs import pause_flow_run
from prefect.states import Completed

N_OBJECTS = 2_000_000


@flow(name="silent")
def silent(seconds: float) -> None:
    """Says nothing and calls nobody, like a long solve: it sleeps, or holds the interpreter in one call of numpy."""
    end = time.monotonic() + seconds
    numbers = np.random.default_rng(0).random(N_OBJECTS).astype(object)
    while time.monotonic() < end:
        np.sort(numbers)
        time.sleep(min(20.0, max(0.0, end - time.monotonic())))


@flow(name="doomed")
def doomed() -> None:
    """Runs until it is killed."""
    time.sleep(900)


@flow(name="quick")
def quick() -> None:
    """Ends at once."""


@flow(name="leakage-premium")
def parent(how: Literal["fail", "ask"]) -> None:
    """Fails, or waits for a person and ends when it is resumed."""
    if how == "fail":
        raise ValueError('the "planted" reason')
    pause_flow_run(timeout=600)


@flow(name="live-watch")
def watch(ending: str) -> State[str]:
    """Ends at once, as a watch does: its last state has the ending's name."""
    return Completed(name=ending, message="v1 is in production again.")
