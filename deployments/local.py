"""A Prefect server and one worker per pool on this machine: `hindsight up`.

All files are in the state folder (`.hindsight`): the server's SQLite unless Prefect's own variable names a PostgreSQL,
its UI, logs, and `processes.json` with what was started here, so that `down` ends only that. Nothing needs root.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.access import clients_environment, server_environment, workers_environment
from deployments.address import Address, BadServer, check_access, server_answers
from deployments.processes import is_running, record_process, temporary_dir
from deployments.registration import register
from tasks.common.logs import PREFECT_JSON, wants_json
from tasks.common.settings import project_root, state_dir
from tasks.costs.prices import PROVIDER_VARIABLE
from tasks.store.connect import store_url
from tasks.store.store import open_store

SERVER_START_SECONDS = 240
"""A first start on a cold disk has taken 65 s."""


def start(address: Address) -> None:
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
    register(environment)
    for file in sorted(Path(__file__).with_name("pools").glob("*.json")):
        _start_worker(file.stem, workers_environment(environment))
    sign_in = "; sign in with HINDSIGHT_AUTH, user:password as a whole" if address.auth else ""
    print(f"server, workers: {address.ui} (logs in {state_dir() / 'logs'}){sign_in}", flush=True)


@contextmanager
def as_client(provider: str | None = None) -> Iterator[None]:
    """Make this process a client of the server that PREFECT_API_URL names, or else of the local one.

    Prefect reads the environment when it is imported: import it inside the block.

    Args:
        provider: Whose prices are taken instead of the environment's.

    Raises:
        BadServer: If the local server requires another authentication than the environment's.
    """
    before = dict(os.environ)
    try:
        if not os.environ.get("PREFECT_API_URL"):
            address = Address.from_environment()
            if server_answers(address):
                check_access(address)
            os.environ.update(clients_environment(_environment(address), address.auth))
        if provider:
            os.environ[PROVIDER_VARIABLE] = provider
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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
        **(PREFECT_JSON if wants_json() else {}),
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
            "with another HINDSIGHT_HOST or HINDSIGHT_PORT. Wait, or end it with `hindsight down`."
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


def _log(name: str) -> Path:
    return state_dir() / "logs" / f"{name}.log"
