"""A Prefect server and one worker per pool on this machine: `python -m deployments.local up`.

All files are in the state folder (`.hindsight`): the server's SQLite unless Prefect's own variable names a PostgreSQL,
its UI, logs, and `processes.json` with what was started here, so that `down` ends only that. Nothing needs root.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from deployments.access import clients_environment, server_environment, workers_environment
from deployments.address import Address, BadServer, check_access, server_answers
from deployments.processes import end_all, is_running, record_process, remove_workspaces, temporary_dir
from tasks.common.errors import HindsightError
from tasks.common.settings import project_root, state_dir
from tasks.costs.prices import PROVIDER_VARIABLE
from tasks.store.connect import store_url
from tasks.store.store import open_store

SERVER_START_SECONDS = 240
"""A first start on a cold disk has taken 65 s."""


def up(address: Address) -> None:
    """Start what is not running yet: server, pools, deployments, workers.

    What runs stays untouched: after a crash of the server this starts it, and runs continue.

    Raises:
        PortInUse: If another program listens on the port.
        UnwritableStore: If the store cannot be written.
        BadServer: If the server dies, does not answer or requires another authentication than the environment's.
    """
    open_store().probe()
    _start_server(address, server_environment(_environment(address), address.auth))
    environment = clients_environment(_environment(address), address.auth)
    _prefect_step(["-m", "deployments.pools"], environment)
    _prefect_step(["-m", "prefect", "--no-prompt", "deploy", "--all"], environment, quiet=True)
    _prefect_step(["-m", "deployments.automations"], environment)
    for file in sorted(Path(__file__).with_name("pools").glob("*.json")):
        _start_worker(file.stem, workers_environment(environment))
    sign_in = "; sign in with HINDSIGHT_AUTH, user:password as a whole" if address.auth else ""
    print(f"server, workers: {address.ui} (logs in {state_dir() / 'logs'}){sign_in}", flush=True)


def _environment(address: Address) -> dict[str, str]:
    """Environment of server, workers and their runs. Paths are absolute, because they start in other folders."""
    return {
        # All pools are this machine: an H100 costs nothing.
        PROVIDER_VARIABLE: "own",
        "TMPDIR": str(temporary_dir()),
        # Switches off Prefect's telemetry.
        "DO_NOT_TRACK": "1",
        # A browser on another machine must call the host of the page; 127.0.0.1 would be itself.
        **({"PREFECT_SERVER_UI_API_URL": "/api"} if address.is_open else {}),
        **os.environ,
        "HINDSIGHT_ROOT": str(project_root()),
        "HINDSIGHT_STATE": str(state_dir().absolute()),
        "HINDSIGHT_STORE": store_url() if "://" in store_url() else str(Path(store_url()).absolute()),
        "PREFECT_HOME": str(state_dir().absolute() / "prefect"),
        "PREFECT_API_URL": address.api,
        "PREFECT_SERVER_API_HOST": address.host,
        "PREFECT_SERVER_API_PORT": str(address.port),
        # By default the server unpacks its UI into the environment's folder, which need not be writable.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(state_dir().absolute() / "prefect" / "ui"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
    }


def _start_server(address: Address, environment: dict[str, str]) -> None:
    if is_running("server"):
        if server_answers(address):
            check_access(address)
            return
        raise BadServer(
            f"this folder's server runs but does not answer at {address.api}: it is starting, hangs, or was started "
            "with another HINDSIGHT_HOST or HINDSIGHT_PORT. Wait, or end it with `make down`."
        )
    address.check_port_is_free()
    process = _spawn("server", ["-m", "deployments.server"], environment)
    started = time.monotonic()
    while not server_answers(address):
        waited = time.monotonic() - started
        if process.poll() is not None or waited > SERVER_START_SECONDS:
            raise BadServer(
                f"the Prefect server does not answer at {address.api} after {waited:.0f} s; see {_log('server')}."
            )
        time.sleep(0.5)
    print(f"server: answers after {time.monotonic() - started:.0f} s", flush=True)


def _start_worker(pool: str, environment: dict[str, str]) -> None:
    name = f"worker-{pool}"
    if not is_running(name):
        _spawn(name, ["-m", "prefect", "worker", "start", "--pool", pool, "--name", f"local-{pool}"], environment)


def _spawn(name: str, arguments: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    log = _log(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    # A worker that inherits an ignored SIGINT, as from a background shell, survives SIGTERM. In a session of its own it
    # does not receive the terminal's Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=project_root(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record_process(name, process.pid)
    return process


def _prefect_step(arguments: list[str], environment: dict[str, str], quiet: bool = False) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project_root(), env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise HindsightError(f"`python {' '.join(arguments)}` failed: {(done.stdout + done.stderr).strip()[-1500:]}")
    if not quiet:
        print(done.stdout.strip(), flush=True)


def _run_flows(address: Address, *arguments: str) -> int:
    if server_answers(address):
        check_access(address)
    command = [sys.executable, "-m", "flows", *arguments]
    environment = clients_environment(_environment(address), address.auth)
    returncode = subprocess.run(command, cwd=project_root(), env=environment).returncode
    print(f"UI: {address.ui} (`make down` ends server and workers)", flush=True)
    return returncode


def _log(name: str) -> Path:
    return state_dir() / "logs" / f"{name}.log"


def main() -> int:
    """Parse and act. An error is one sentence and exit code 1."""
    # Options behind `follow`, `runs` and `plan` are those of `python -m flows`.
    options, arguments = _parser().parse_known_args()
    try:
        if arguments and options.action in ("up", "down"):
            raise HindsightError(f"{options.action} takes no arguments, but was given {' '.join(arguments)}.")
        address = Address.from_environment()
        if options.action == "up":
            up(address)
        elif options.action == "down":
            print("ended: " + (", ".join(end_all()) or "nothing was running"))
            remove_workspaces()
        else:
            return _run_flows(address, options.action, *arguments)
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.local", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up", help="start what is not running yet")
    actions.add_parser("down", help="end what was started here")
    for name, text in (("follow", "DEPLOYMENT"), ("runs", "[--csv FILE] [--figure FILE]"), ("plan", "RECIPE")):
        actions.add_parser(name, help=f"`python -m flows {name} {text}` with the local server and its prices")
    return parser


if __name__ == "__main__":
    sys.exit(main())
