"""Parts that do what a GPU's may do: end well, raise, be killed, or never end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.gpu_trial.parts import Part
from tasks.gpu_trial.schema import Findings, Size
from tasks.schemas.artifacts import Check
from tests.waiting import GENEROUS_SECONDS

STARTS = "HINDSIGHT_TEST_STARTS"
"""Environment variable: a file with a line for each start of `measures`."""


class Unfit(HindsightError):
    """What a part raises."""


def made(function: str, seconds: float = GENEROUS_SECONDS) -> Part:
    """A part of this module, with its function's name."""
    return Part(function, f"{__name__}:{function}", seconds, f"what {function} does", "nothing")


def measures(size: Size, work: Path) -> Findings:
    with Path(os.environ[STARTS]).open("a") as starts:
        starts.write(f"{size}\n")
    return Findings(figures={"seconds": 1.5}, checks=(Check(name="speed", passed=True, value="fast", bound="fast"),))


def misses(size: Size, work: Path) -> Findings:
    check = Check(name="aim", passed=False, value="<b>3</b>", bound="4", way_out="Raise it.")
    return Findings(figures={"of": {"a part": 3}}, checks=(check,))


def raises(size: Size, work: Path) -> Findings:
    raise Unfit("the <script>kernel</script> is missing; install it.")


def is_killed(size: Size, work: Path) -> Findings:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def hangs(size: Size, work: Path) -> Findings:
    child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({GENEROUS_SECONDS})"])
    (work.parents[1] / "child").write_text(str(child.pid))
    time.sleep(GENEROUS_SECONDS)
    raise AssertionError
