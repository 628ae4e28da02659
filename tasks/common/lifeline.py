"""No trainer outlives the process that started it: the kernel kills it when its parent dies.

`python -m tasks.common.lifeline MODULE ARGUMENTS` runs another module, such as torch's launcher, tied to its
parent. Both environments import this file, so it imports the standard library only.
"""

import ctypes
import os
import runpy
import signal
import sys

PARENT = "HINDSIGHT_PARENT"
"""Environment variable: process id of the parent, for the time before `tie_to_parent` has run."""
PR_SET_PDEATHSIG = 1


def tie_to_parent() -> None:
    """Ask the kernel to kill this process when its parent ends, and name this process to its children.

    The signal is sent when the thread that started this process ends: a parent that starts it from a thread must keep
    that thread until the process has ended.

    Raises:
        OSError: If the kernel refuses.
        SystemExit: If the parent has already ended.
    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    expected = os.environ.get(PARENT)
    if expected is not None and int(expected) != os.getppid():
        raise SystemExit(f"process {expected}, which started this one, has ended; this one ends too")
    os.environ[PARENT] = str(os.getpid())


def main() -> None:
    """Run the module named first with the arguments after it, in this process."""
    tie_to_parent()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
