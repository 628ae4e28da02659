"""A process without network: for reading files of others whose readers could run code.

The process restricts itself by a seccomp filter before it reads anything: no socket can be opened, by it or by what it
starts, and no other process can be read or written. It cannot lift this. Where the kernel has no such filter, an empty
network namespace takes its place. It keeps the user's right to files; its environment holds no credentials.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; include/uapi/linux/{audit,bpf_common,seccomp}.h.
"""

import ctypes
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.common.errors import HindsightError

SECCOMP, NAMESPACE, NONE = "seccomp filter: no sockets", "network namespace without interfaces", "none"
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
_ARCHITECTURES = {
    # Audit number, then: socket, io_uring_setup, ptrace, process_vm_readv, process_vm_writev, pidfd_getfd.
    "x86_64": (0xC000003E, (41, 425, 101, 310, 311, 438)),
    "aarch64": (0xC00000B7, (198, 425, 117, 270, 271, 438)),
}
_X32_BIT = 0x40000000
"""On x86-64 a second table of the same calls begins here."""
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _DENY = 0x7FFF0000, 0x80000000, 0x00050001
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


class NotIsolated(HindsightError):
    """This machine offers no process without network."""


class IsolatedFailed(HindsightError):
    """The isolated process ended with an error."""


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction))]


def isolate() -> str:
    """Take the network from this process and everything it starts; for a process with one thread.

    Returns:
        How; `none` where neither way is open.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if (machine := _ARCHITECTURES.get(platform.machine())) and libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
        rules = _filter(*machine)
        program = _Program(len(rules), (_Instruction * len(rules))(*rules))
        if libc.prctl(_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0) == 0:
            return SECCOMP
    return NAMESPACE if libc.unshare(_NEW_USER | _NEW_NETWORK) == 0 else NONE


def _filter(audit: int, denied: Sequence[int]) -> list[_Instruction]:
    architecture_at, number_at = 4, 0
    rows = [
        (_LOAD, 0, 0, architecture_at),
        (_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, number_at),
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL),
    ]
    for number in denied:
        rows += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    return [_Instruction(*row) for row in (*rows, (_RETURN, 0, 0, _ALLOW))]


def run_isolated(module: str, arguments: dict[str, Any], *, required: bool = True, way_out: str = "") -> dict[str, Any]:
    """Run `module.main(arguments)` in a process of its own without network and without this one's variables.

    Args:
        module: Of this project; its import must not read what is to be isolated.
        arguments: JSON values.
        required: Refuse where this machine offers no isolation.
        way_out: What else a person may do then; ends the message.

    Returns:
        What `main` returned, and `isolation`: how the process was isolated.

    Raises:
        NotIsolated: If isolation is required and not to be had.
        IsolatedFailed: If the process fails; with its last line.
    """
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", __name__, module, json.dumps(arguments), json.dumps(required)]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == _NOT_ISOLATED:
        raise NotIsolated(
            f"this machine offers neither a seccomp filter nor a network namespace ({platform.machine()}, kernel "
            f"{platform.release()}), so that what {module} reads could reach the network. Do it on another machine"
            f"{way_out}."
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise IsolatedFailed(f"the process without network that runs {module} failed: {last[:600]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


_NOT_ISOLATED = 3


def _main() -> None:
    from importlib import import_module

    module, arguments, required = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    # First: what is imported later may start threads.
    isolation = isolate()
    if isolation == NONE and required:
        sys.exit(_NOT_ISOLATED)
    answer = import_module(module).main(arguments)
    print(json.dumps(answer | {"isolation": isolation}))


if __name__ == "__main__":
    _main()
