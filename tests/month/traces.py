"""What stages noted of their work: a file per stage, a line per thing done, read without server or store."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


def trace(file: Path, what: str, **more: object) -> None:
    """Add a line: what was done, when, by which process. One write, so that lines are whole."""
    line = json.dumps({"what": what, "at": time.time(), "process": os.getpid(), **more}) + "\n"
    with file.open("a") as output:
        output.write(line)


@dataclass
class Attempt:
    """The work of one process at one stage.

    Args:
        process: Its id.
        began: When it had read the state it goes on from.
        first: The first unit it did.
        unit_ends: When each of its units was done.
        published: When its artifact was published; None if it was not.
        failed: When it failed; None if it did not.
    """

    process: int
    began: float
    first: int
    unit_ends: dict[int, float] = field(default_factory=dict)
    published: float | None = None
    failed: float | None = None

    def end(self, kills: Mapping[int, float]) -> float | None:
        """When it ended, by itself or killed; None if nothing says how."""
        return self.published or self.failed or kills.get(self.process)

    def last_sign(self) -> float:
        """The last moment it is known to have worked."""
        return max([self.began, *self.unit_ends.values(), self.published or 0.0, self.failed or 0.0])


def attempts_of(file: Path) -> list[Attempt]:
    """The attempts at a stage, earliest first; none if it never began."""
    found: list[Attempt] = []
    for line in file.read_text().splitlines() if file.exists() else []:
        entry = json.loads(line)
        own = [each for each in found if each.process == entry["process"]]
        if entry["what"] == "started":
            found.append(Attempt(entry["process"], entry["at"], entry["unit"]))
        elif own and entry["what"] == "unit":
            own[-1].unit_ends[entry["unit"]] = entry["at"]
        elif own:
            setattr(own[-1], entry["what"], entry["at"])
    return found


def lost_seconds(attempt: Attempt, end: float, following: Attempt, unit_seconds: float) -> float:
    """What an attempt did that the following one did again: the time since the state that this one went on from."""
    if following.first < attempt.first:
        return end - attempt.began + (attempt.first - following.first) * unit_seconds
    return end - attempt.unit_ends.get(following.first - 1, attempt.began)
