"""The backup of docs/compose.md, by its own commands: a second installation has the first one's runs and artifacts."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun

from deployments.registration import make_bucket
from tasks.common.settings import project_root
from tasks.store.receipts import verify
from tests.flows.stage_runs import lines_of, until
from tests.infra.compose_file import BASE
from tests.infra.installation import Installation, installation
from tests.infra.small_flows import publish_and_verify
from tests.postgres import programs

pytestmark = [pytest.mark.server, pytest.mark.slow]

PAGE = (project_root() / "docs" / "compose.md").read_text()


def in_postgres(installed: Installation, command: str, file: Path | None = None, is_input: bool = False) -> str:
    """Run a shell command as in the container of PostgreSQL, with a file as its output or its input."""
    # A container's socket is the cluster's own; here it is reached by TCP.
    environment = {"PATH": f"{programs()}:{os.environ['PATH']}", "PGHOST": installed.addresses["postgres"]}
    words = ["sh", "-c", installed.here(command, "postgres")]
    given = file.read_bytes() if file and is_input else None
    done = subprocess.run(words, env=environment, input=given, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    if file and not is_input:
        file.write_bytes(done.stdout)
    return done.stdout.decode(errors="replace")


def of_page(program: str) -> str:
    """What the page has a shell in that container do."""
    (command,) = re.findall(rf"sh -c \\\n +'(PGPASSWORD=[^']* {program} [^']*)' [<>] server\.dump", PAGE)
    return command


def in_volume(installed: Installation, option: str, backup: Path) -> None:
    """What the page runs with the store's volume at /data and the folder of the backup at /backup."""
    (line,) = re.findall(rf"debian:bookworm-slim (tar {option} .*)", PAGE)
    words = [
        f"{backup}{word.removeprefix('/backup')}" if word.startswith("/backup/") else installed.here(word, "store")
        for word in shlex.split(line)
    ]
    subprocess.run(words, check=True)


def kept_run() -> FlowRun:
    """The only run that the server has."""
    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs()
    return run


def test_a_second_installation_has_the_runs_and_the_artifacts_of_a_backup(tmp_path: Path, folder: Path) -> None:
    (backup := tmp_path / "backup").mkdir()
    with installation(tmp_path / "first", BASE) as first:
        for service in ("server", "store"):
            first.start(service)
        with first.as_client():
            make_bucket()
            artifact = publish_and_verify(str(folder))
            before = kept_run()
            until(lambda: "Finished in state Completed()" in lines_of(before))
            said = lines_of(before)
        in_postgres(first, of_page("pg_dump"), backup / "server.dump")
        first.kill("store")
        in_volume(first, "-cf", backup)
    with installation(tmp_path / "second", BASE) as second:
        (second.folder / "data-store").mkdir()
        in_volume(second, "-xf", backup)
        for service in ("postgres", "store"):
            second.start(service)
        in_postgres(second, of_page("pg_restore"), backup / "server.dump", is_input=True)
        second.start("server")
        assert second.secret("s3-secret-key") != first.secret("s3-secret-key"), "neither needs the old secrets"
        with second.as_client():
            assert (kept_run().id, kept_run().state_name) == (before.id, "Completed")
            assert lines_of(before) == said
            assert verify(artifact).n_blobs > 0
