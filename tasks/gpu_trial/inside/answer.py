"""How a module of the trainer's environment answers; libraries may print before it. Standard library only."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from tasks.train.trainer import work_files
from tasks.train.trainer.__main__ import NOT_IMPORTED

FIGURES, FAILURE = "FIGURES", "FAILURE"


def answer(question: Callable[..., dict[str, Any]]) -> None:
    """Call a function with the arguments on stdin, and print what it returns, or why it failed."""
    if os.environ.get(work_files.PLAIN_KERNELS) == "1":
        # As the trainer does, before anything looks for them.
        sys.modules.update(dict.fromkeys(NOT_IMPORTED))  # type: ignore[arg-type]
    try:
        print(FIGURES + json.dumps(question(**json.load(sys.stdin))), flush=True)
    except Exception as error:
        print(f"{FAILURE}{type(error).__name__}: {' '.join(str(error).split())}", flush=True)
        raise
