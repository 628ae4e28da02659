"""The law: an input is parsed, or refused by a sentence of the project, within bounds of time and memory."""

import resource
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from tasks.common.errors import HindsightError
from tests.fuzz.mutations import mutated

CPU_SECONDS = 10
"""Of the processor, for one input: a hundred times what the slowest one needs."""
MEMORY_MB = 256
"""By which one input may raise the process's peak."""


class Hang(BaseException):
    """A parser used more of the processor than CPU_SECONDS."""


@dataclass(frozen=True)
class Parser:
    """A parser of bytes from outside.

    Args:
        name: In messages.
        parse: Takes an input and an own folder.
        seeds: Inputs that it parses.
        words: Of its format.
        make: Another way to make an input from seeds.
        share: How many inputs it gets, relative to the others: more for the fast ones.
    """

    name: str
    parse: Callable[[bytes, Path], object]
    seeds: Callable[[], Sequence[bytes]]
    words: Sequence[bytes] = ()
    make: Callable[[Random, Sequence[bytes], Sequence[bytes]], bytes] = mutated
    share: int = 10


@dataclass
class Outcome:
    """What became of inputs.

    Args:
        counts: Inputs that were parsed, or refused, by the refusal's name.
        faults: Inputs that broke the law, with the reason; one for each place in the code.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, tuple[bytes, str]] = field(default_factory=dict)


def try_inputs(parser: Parser, inputs: Iterator[bytes], folder: Path) -> Outcome:
    """Give a parser inputs."""
    outcome = Outcome()
    for content in inputs:
        before = peak_mb()
        try:
            with cpu_bounded():
                parser.parse(content, folder)
            outcome.counts["parsed"] += 1
        except HindsightError as refusal:
            outcome.counts[type(refusal).__name__] += 1
            if problem := sentence_problem(str(refusal)):
                outcome.faults.setdefault(problem, (content, str(refusal)[:300]))
        except (Exception, Hang) as error:
            outcome.faults.setdefault(place_of(error), (content, repr(error)[:300]))
        if peak_mb() - before > MEMORY_MB:
            outcome.faults.setdefault("memory", (content, f"{peak_mb() - before:.0f} MB more"))
    return outcome


def random_inputs(parser: Parser, n_inputs: int, seed: str) -> Iterator[bytes]:
    """Inputs made from a parser's seeds."""
    rng, seeds = Random(seed), parser.seeds()  # noqa: S311
    return (parser.make(rng, seeds, parser.words) for _ in range(n_inputs))


def sentence_problem(message: str) -> str:
    """Why a refusal is no sentence that can be shown; empty if it is one."""
    if not message.strip():
        return "an empty refusal"
    return "a refusal of more than 4,000 characters" if len(message) > 4_000 else ""


def place_of(error: BaseException) -> str:
    """The error's type, and the project's line that it went through last."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tasks/" in frame.filename]
    where = f"{frames[-1].filename.rpartition('/tasks/')[2]}:{frames[-1].lineno}" if frames else "outside of tasks"
    return f"{type(error).__name__} at {where}"


def peak_mb() -> float:
    """Peak of this process's memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def cpu_bounded() -> Iterator[None]:
    """Raise Hang after CPU_SECONDS of the processor."""
    before = signal.signal(signal.SIGPROF, _hang)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _hang(_: int, __: FrameType | None) -> None:
    raise Hang(f"more than {CPU_SECONDS} s of the processor")
