"""Killed at every step between "result written" and "machine stopped": no result lost, no machine forgotten."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tasks.rent.config import RentedPool
from tasks.rent.lifecycle import give_back, lease, rent
from tasks.rent.machines import Machine, list_machines, prefix_of, read_machine
from tasks.rent.proof import receipts_of, unproved
from tasks.rent.providers.choose import provider_of
from tasks.rent.providers.local import Local
from tasks.rent.sweep import Sweeper
from tasks.store.folder_objects import FolderObjects
from tasks.store.leases import new_lease, take
from tasks.store.receipts import release_compute, verify
from tasks.store.store import Store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published

SPEC = ARTIFACT_TYPE.spec(SmallConfig())
STEPS = [
    *((FolderObjects, name) for name in ("read", "stream", "write", "write_new", "list", "delete")),
    *((Local, name) for name in ("start", "stop", "status")),
]
"""Whatever a process does to the store and to the provider."""


def release(store: Store, name: str) -> None:
    """What a parent does from the result on."""
    receipt = verify(store.find(SPEC), store.url)
    release_compute(
        store, "node-1", receipt, lambda: give_back(store, Local(), name, "the parent", lambda: True) and None
    )


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Run in a process that kills itself (SIGKILL) before its n-th step. Returns whether it came so far."""
    child = os.fork()
    if child == 0:
        n_left = step

        def counting(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal n_left
                n_left -= 1
                if n_left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*args, **kwargs)

            return call

        try:
            for owner, name in STEPS:
                setattr(owner, name, counting(getattr(owner, name)))
            work()
        finally:
            os._exit(0 if n_left >= 0 else 1)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def rented(store: Store, pool: RentedPool) -> Machine:
    """A machine that owes the artifact, whose parent holds the lease."""
    machine = rent(store, Local(), pool, by="the parent", why="a test")
    lease(store, machine.name, SPEC.path, "the parent")
    take(store, new_lease("node-1", "the parent", "corpus/h100", SPEC.path, 1e-3))
    return read_machine(store, machine.name)


def own_machines(store: Store) -> list[str]:
    """Those that run, of this test's store."""
    return [name for name in Local().status() if name.startswith(prefix_of(store))]


def sweeper(store: Store, machine: Machine, later: timedelta) -> Sweeper:
    return Sweeper(
        store, provider_of, lambda pool: True, lambda pool: True, now=machine.events[-1].at + later
    )  # fmt: skip


def test_killed_at_any_step_the_machine_is_never_stopped_without_a_receipt_nor_left_running(
    store: Store, folder: Path, pool: RentedPool
) -> None:
    step, was_killed = 0, True
    while was_killed:
        machine = rented(store, pool)
        published(store, folder, SPEC)
        was_killed = killed_at(step, partial(release, store, machine.name))
        now = read_machine(store, machine.name)
        if machine.name not in Local().status():
            assert unproved(receipts_of(store, now)) == {}, f"stopped without a receipt, killed at step {step}"
        # The sweep goes on with what the killed one has left.
        found = sweeper(store, now, timedelta(minutes=11)).sweep(["local"])
        assert found.problems == []
        assert machine.name not in Local().status(), f"left running, killed at step {step}"
        after = read_machine(store, machine.name)
        assert (after.is_open, after.lost) == (False, ())
        assert bool(found.stopped) == now.is_open
        step += 1
        for name in ("corpus", "receipts", "leases"):
            for info in list(store.objects.list(f"{name}/")):
                store.objects.delete(info.name)
    assert step > 20


def test_killed_at_any_step_of_a_need_there_are_never_two_machines_and_none_is_forgotten(
    store: Store, pool: RentedPool
) -> None:
    step, was_killed = 0, True
    while was_killed:
        was_killed = killed_at(step, partial(rented, store, pool))
        # The next parent takes up what the killed one has left.
        machine = rented(store, pool)
        assert own_machines(store) == [machine.name], f"killed at step {step}"
        assert [each.name for each in list_machines(store).machines if each.is_open] == [machine.name]
        found = sweeper(store, machine, timedelta(hours=2)).sweep(["local"])
        assert (len(found.stopped), found.problems, own_machines(store)) == (1, [], [])
        for info in [*store.objects.list("machines/"), *store.objects.list("leases/")]:
            store.objects.delete(info.name)
        step += 1
    assert step > 10


def test_killed_at_any_step_of_a_need_and_never_followed_the_sweep_ends_it(store: Store, pool: RentedPool) -> None:
    step, was_killed = 0, True
    while was_killed:
        was_killed = killed_at(step, partial(rented, store, pool))
        left = list_machines(store).machines
        if left:
            assert sweeper(store, left[0], timedelta(hours=2)).sweep(["local"]).problems == []
        assert own_machines(store) == [], f"left running, killed at step {step}"
        assert [each.name for each in list_machines(store).machines if each.is_open] == []
        for info in [*store.objects.list("machines/"), *store.objects.list("leases/")]:
            store.objects.delete(info.name)
        step += 1
    assert step > 10
