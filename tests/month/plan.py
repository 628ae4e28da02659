"""What a month asks for, in simulated hours, and what goes wrong in it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["interruption", "store outage", "server restart", "full disk"]


@dataclass(frozen=True)
class Month:
    """A month, and how it is scaled.

    Args:
        n_days: Simulated days.
        hour_seconds: Real seconds of a simulated hour.
        flows_per_day: Scheduled flows, evenly spread.
        n_trainings: Due evenly spread; all run on the one machine of the pool h100.
        training_hours: Of a training that nothing interrupts.
        flow_hours: Of a scheduled flow.
        states_per_training: Training states.
        interruptions_per_hour: Of the rented machine. EC2's Spot Advisor publishes the share of instances reclaimed
            in a month, at worst "more than 20 %": 0.0003 per hour, at which a month would see none. This is a stress.
        n_outages: Of the store.
        outage_hours: Of the store, and of the full disk.
        seed: Of the interruptions.
    """

    n_days: float = 30.0
    hour_seconds: float = 5.0
    flows_per_day: int = 100
    n_trainings: int = 40
    training_hours: float = 12.0
    flow_hours: float = 0.2
    states_per_training: int = 24
    interruptions_per_hour: float = 0.05
    n_outages: int = 2
    outage_hours: float = 3.0
    seed: int = 0

    @property
    def hours(self) -> float:
        """All of it."""
        return 24 * self.n_days

    def flow_hours_due(self) -> list[float]:
        """When each scheduled flow is due."""
        n_flows = round(self.flows_per_day * self.n_days)
        return [number * self.hours / n_flows for number in range(n_flows)]

    def training_hours_due(self) -> list[float]:
        """When each training is asked for."""
        return [number * self.hours / self.n_trainings for number in range(self.n_trainings)]

    def events(self) -> list[tuple[float, Kind]]:
        """What goes wrong, by hour: interruptions at random, the rest at fixed parts of the month."""
        rng = np.random.default_rng(self.seed)
        n_interruptions = rng.poisson(self.interruptions_per_hour * self.hours)
        events: list[tuple[float, Kind]] = [
            (hour, "interruption") for hour in rng.uniform(0, self.hours, n_interruptions).tolist()
        ]
        events += [((n + 1) / (self.n_outages + 1) * self.hours, "store outage") for n in range(self.n_outages)]
        return sorted([*events, (0.45 * self.hours, "server restart"), (0.8 * self.hours, "full disk")])
