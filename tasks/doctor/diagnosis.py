"""A machine's facts and checks with their time; the newest of each pool is in the store, as `doctor/<pool>.json`."""

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from pydantic import AwareDatetime

from tasks.common.errors import HindsightError
from tasks.doctor.facts import MachineFacts, find_facts
from tasks.doctor.needs import Needs, hardware_checks, kernel_checks
from tasks.doctor.reach import MAX_CLOCK_SECONDS, ServerAccess, server_checks, store_checks
from tasks.gguf.environment import export_python
from tasks.schemas.artifacts import Check
from tasks.schemas.check_lines import FOR_INFORMATION, check_call
from tasks.store.errors import StoreError
from tasks.store.objects import Objects
from tasks.store.sealed import Sealed, read_sealed


class UnfitMachine(HindsightError):
    """A machine lacks what its pool or its recipes need."""


class Diagnosis(Sealed):
    """What the doctor found on a machine, and what of it is not as needed."""

    schema_version: Literal[1] = 1
    pool: str | None
    """Whose machine it was taken for."""
    asked_at: AwareDatetime
    """UTC, by the machine's own clock."""
    facts: MachineFacts
    checks: tuple[Check, ...]

    @property
    def failed(self) -> list[Check]:
        """Checks that did not pass."""
        return [check for check in self.checks if not check.passed]

    def rows(self) -> list[dict[str, str]]:
        """One per check, for a table."""
        return [
            {
                "": "ok" if check.passed else "FAIL",
                "check": check.name,
                "found": check.value,
                "needed": "" if check.bound == FOR_INFORMATION else check.bound,
                "way out": "" if check.passed else check.way_out,
            }
            for check in self.checks
        ]

    def sentences(self) -> list[str]:
        """One per failed check, with its way out."""
        return [f"{line.name}: {line.value}; needed: {line.bound}. {line.way_out}".strip() for line in self.failed]

    def check(self) -> None:
        """Raise UnfitMachine, with a sentence per failed check."""
        if sentences := self.sentences():
            raise UnfitMachine(
                f"{len(sentences)} of {len(self.checks)} checks of {self.facts.machine} failed. {' '.join(sentences)}"
            )


class PoolAnswer(NamedTuple):
    """What is known of a pool's machine: its diagnosis, if there is one that is not too old, and a sentence."""

    diagnosis: Diagnosis | None
    sentence: str


def diagnose(needs: Needs, server: ServerAccess) -> Diagnosis:
    """Look at this machine, and try what it must reach. Changes nothing but two probes in the store.

    Args:
        needs: What it is for.
        server: The Prefect server.
    """
    facts = find_facts()
    checks = [*hardware_checks(facts, needs), *kernel_checks(facts, needs)]
    if needs.exports:
        bound = f"an interpreter that can be run, for {', '.join(needs.exports)}"
        checks.append(check_call("export environment", bound, export_python, "found"))
    checks += [*store_checks(), *server_checks(server)]
    return Diagnosis(pool=needs.pool, asked_at=datetime.now(UTC), facts=facts, checks=tuple(checks))


def publish(diagnosis: Diagnosis, objects: Objects) -> None:
    """Make it the newest of its pool."""
    objects.write(_object_name(str(diagnosis.pool)), diagnosis.sealed().to_bytes())


def newest(objects: Objects, pool: str, max_age_hours: float, now: datetime | None = None) -> PoolAnswer:
    """The newest diagnosis of a pool's machine.

    Args:
        objects: The store's.
        pool: The pool.
        max_age_hours: An older one says nothing.
        now: UTC; by default this machine's time.
    """
    ask = f"the flow doctor/{pool} asks it, in seconds, once its worker runs"
    try:
        found = read_sealed(objects, _object_name(pool), Diagnosis)
    except FileNotFoundError:
        return PoolAnswer(None, f"never asked, so its GPUs, kernels, disk and shared memory are unknown; {ask}")
    except StoreError as error:
        return PoolAnswer(None, f"{error} {ask[0].upper()}{ask[1:]}")
    age_hours = ((now or datetime.now(UTC)) - found.asked_at).total_seconds() / 3600
    if not age_hours >= -MAX_CLOCK_SECONDS / 3600:
        return PoolAnswer(None, f"{found.facts.machine} answered at a time that is still to come: clocks differ; {ask}")
    asked = f"{found.facts.machine} was asked {max(age_hours, 0):.1f} h ago"
    if not age_hours <= max_age_hours:
        return PoolAnswer(None, f"{asked}, longer than limits.doctor_hours = {max_age_hours:g} allows; {ask}")
    return PoolAnswer(found, asked)


def _object_name(pool: str) -> str:
    return f"doctor/{pool}.json"
