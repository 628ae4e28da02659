"""The backup of docs/compose.md, by its own commands: a second installation has the first one's rows and artifacts."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from deployments.registration import make_bucket
from tasks.common.settings import project_root
from tasks.store.receipts import verify
from tasks.store.store import open_store
from tests.infra.compose_file import BASE
from tests.infra.installation import Installation, installation
from tests.postgres import programs
from tests.store.small_artifact import published

pytestmark = pytest.mark.slow

PAGE = (project_root() / "docs" / "compose.md").read_text()
MADE = "CREATE EXTENSION pg_trgm; CREATE TABLE runs (name text); INSERT INTO runs VALUES ('smoke')"


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
    words = [installed.here(word, "store").replace("/backup", str(backup)) for word in shlex.split(line)]
    subprocess.run(words, check=True)


def as_client(installed: Installation, patch: pytest.MonkeyPatch) -> None:
    given = installed.environment("worker-cpu")
    for name in ("HINDSIGHT_STORE", "HINDSIGHT_S3_ENDPOINT", "AWS_SHARED_CREDENTIALS_FILE", "AWS_REGION"):
        patch.setenv(name, given[name])


def test_a_second_installation_has_the_rows_and_the_artifacts_of_a_backup(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (backup := tmp_path / "backup").mkdir()
    psql = of_page("pg_dump").partition("pg_dump")[0] + 'psql --username=hindsight --tuples-only hindsight -c "{}"'
    with installation(tmp_path / "first", BASE) as first:
        for service in ("postgres", "store"):
            first.start(service)
        in_postgres(first, psql.format(MADE))
        as_client(first, monkeypatch)
        make_bucket()
        artifact = published(open_store(), folder)
        in_postgres(first, of_page("pg_dump"), backup / "server.dump")
        first.kill("store")
        in_volume(first, "-cf", backup)
    with installation(tmp_path / "second", BASE) as second:
        (second.folder / "data-store").mkdir()
        in_volume(second, "-xf", backup)
        for service in ("postgres", "store"):
            second.start(service)
        in_postgres(second, of_page("pg_restore"), backup / "server.dump", is_input=True)
        assert in_postgres(second, psql.format("SELECT name FROM runs")).strip() == "smoke"
        as_client(second, monkeypatch)
        assert second.secret("s3-secret-key") != first.secret("s3-secret-key"), "neither needs the old secrets"
        assert verify(artifact).n_blobs > 0
