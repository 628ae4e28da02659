"""A pool's worker that keeps its trainings' work when it is stopped: `python -m deployments.worker --pool POOL`.

Prefect's process worker kills its runs as soon as it gets SIGTERM (seen with 3.8.8). Here trainings publish a state
first, as a pod's preStop hook has them do, and only then the worker is stopped. Words are those of
`prefect worker start`. The sender of the signal, such as Docker, decides how long it waits.
"""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from tasks.common.lifeline import PARENT
from tasks.train.pipeline.before_stop import publish_states


class Stopped(Exception):
    """SIGTERM came."""


def run(words: Sequence[str]) -> int:
    """Run a worker until it ends or SIGTERM comes; a second SIGTERM waits for no state.

    Args:
        words: For `prefect worker start`.

    Returns:
        The worker's exit status.
    """
    signal.signal(signal.SIGTERM, _raise_stopped)
    # A worker that inherits an ignored SIGINT, as from a background shell, survives SIGTERM.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "tasks.common.lifeline", "prefect", "worker", "start", *words]
    worker = subprocess.Popen(command, env={**os.environ, PARENT: str(os.getpid())})
    try:
        return worker.wait()
    except Stopped:
        print("asked to stop: trainings publish their states first", flush=True)
        with suppress(Stopped):
            publish_states(math.inf)
    # From here on the signal ends this process at once, and the kernel the worker with it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    worker.terminate()
    return worker.wait()


def _raise_stopped(*_: object) -> NoReturn:
    raise Stopped


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
