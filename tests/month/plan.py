"""What a month asks for, in simulated hours, and what goes wrong in it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["interruption", "machine lost", "store outage", "server restart", "full disk"]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Args:
        hour: Simulated, from the month's beginning.
        kind: What.
        machine: Which of the rented machines it hits; of no meaning for store and server.
        is_noticed: Of an interruption: SIGTERM comes before SIGKILL.
    """

    hour: float
    kind: Kind
    machine: int = 0
    is_noticed: bool = False


@dataclass(frozen=True)
class Month:
    """A month, and how it is scaled.

    Args:
        n_days: Simulated days.
        hour_seconds: Real seconds of a simulated hour.
        flows_per_day: Scheduled flows of all schedules together.
        n_schedules: Deployments that share them.
        flow_hours: Of a scheduled flow.
        n_trainings: Asked for evenly spread over the month.
        training_hours: Of a training that nothing interrupts.
        state_hours: Between two training states.
        n_machines: Rented at the same time, at most.
        interruptions_per_day: Of one machine. Google Cloud's page on preemptible machines said: "between 5% and 15% per
            day per project, on a seven-day average" (quoted in papers and notes since; today's page has no figure).
            EC2's Spot Advisor gives at most "> 20 %" of a month's instances, a twentieth of it.
        outage_hours: Of each of two store outages, and of the full disk.
        restart_seconds: Real ones that the server is away, besides its start.
        seed: Of the interruptions.
    """

    n_days: float = 30.0
    hour_seconds: float = 3.0
    flows_per_day: int = 100
    n_schedules: int = 10
    flow_hours: float = 0.2
    n_trainings: int = 40
    training_hours: float = 60.0
    state_hours: float = 4.0
    n_machines: int = 4
    interruptions_per_day: float = 0.15
    outage_hours: float = 6.0
    restart_seconds: float = 10.0
    seed: int = 0

    @property
    def hours(self) -> float:
        """All of it."""
        return 24 * self.n_days

    @property
    def interval_hours(self) -> float:
        """Between two slots of one schedule."""
        return 24 * self.n_schedules / self.flows_per_day

    @property
    def n_slots(self) -> int:
        """Of each schedule."""
        return round(self.hours / self.interval_hours)

    @property
    def n_units(self) -> int:
        """Pieces of a training between which it writes a state."""
        return round(self.training_hours / self.state_hours)

    def training_hours_due(self) -> list[float]:
        """When each training is asked for."""
        return [number * self.hours / self.n_trainings for number in range(self.n_trainings)]

    def faults(self) -> list[Fault]:
        """What goes wrong, by hour: interruptions at random, the rest at fixed parts of the month."""
        rng = np.random.default_rng(self.seed)
        n_interruptions = int(rng.poisson(self.interruptions_per_day * self.n_machines * self.n_days))
        hours, machines = (
            rng.uniform(0, self.hours, n_interruptions),
            rng.integers(self.n_machines, size=n_interruptions),
        )
        found = [
            Fault(hour, "interruption", machine, is_noticed=number % 2 == 0)
            for number, (hour, machine) in enumerate(zip(hours.tolist(), machines.tolist(), strict=True))
        ]
        fixed = [
            Fault(0.2, "store outage"),
            Fault(0.3, "full disk", machine=0),
            Fault(0.45, "server restart"),
            Fault(0.6, "machine lost", machine=self.n_machines - 1),
            Fault(0.75, "store outage"),
        ]
        found += [Fault(part.hour * self.hours, part.kind, part.machine) for part in fixed]
        return sorted(found, key=lambda fault: fault.hour)
