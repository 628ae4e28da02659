"""A PostgreSQL cluster of the test's own, where the machine has PostgreSQL."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.s3_server import free_port

VARIABLE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
ABSENT = "PostgreSQL is absent; install it, such as by `apt-get install postgresql`"
DEBIANS = Path("/usr/lib/postgresql")
SETTINGS = {"fsync": "off", "shared_buffers": "32MB", "max_connections": "100"}
"""No test cuts the power, and Debian's disks are slow to sync."""


@dataclass(frozen=True)
class Cluster:
    """A cluster's programs, its folder, its address, and name and password of its one user."""

    programs: Path
    folder: Path
    host: str
    port: int
    user: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """What the server wants to know."""
        return f"postgresql+asyncpg://{self.user}:{self.password}@{self.host}:{self.port}/postgres"

    def call(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, as an unprivileged user where this is root: it refuses root."""
        account = _account()
        owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        command = [str(self.programs / program), *arguments]
        environment = {**os.environ, "PGPASSWORD": self.password}
        # The server inherits its starter's output, and a pipe would wait for it to close.
        with (self.folder / "programs.log").open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, cwd=self.folder, env=environment, **owner)
        assert done.returncode == 0, (self.folder / "programs.log").read_text()


def programs() -> Path | None:
    """Where PostgreSQL's programs lie: Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    return max((folder.parent for folder in DEBIANS.glob("*/bin/initdb")), default=None, key=_version)


@contextmanager
def postgres(
    address: tuple[str, int] | None = None,
    user: str = "hindsight",
    password: str | None = None,
    database: str = "postgres",
    settings: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Serve an empty database until the block ends, if nothing is given on a free port and with a password of its own.

    Gives the cluster's URL; skips the test where PostgreSQL is absent.

    Args:
        address: Host and port.
        user: Its owner.
        password: The owner's.
        database: Made if it is another than the first.
        settings: Of the server, beside SETTINGS.
    """
    found = programs()
    if found is None:
        pytest.skip(ABSENT)
    # Not a folder of pytest's: those let nobody in but their owner.
    with tempfile.TemporaryDirectory(prefix="hindsight-postgres-") as name:
        host, port = address or ("127.0.0.1", free_port())
        cluster = Cluster(found, Path(name), host, port, user, password or secrets.token_urlsafe(12))
        _make(cluster, {**SETTINGS, **(settings or {}), "listen_addresses": host})
        if database != "postgres":
            cluster.call("createdb", "--host", host, "--port", str(port), "--username", user, database)
        try:
            yield cluster.url
        finally:
            cluster.call("pg_ctl", "stop", "-D", str(cluster.folder / "data"), "-m", "immediate")


@contextmanager
def postgres_where_possible() -> Iterator[dict[str, str]]:
    """What a server's environment says of its database: a PostgreSQL's URL, or nothing where PostgreSQL is absent."""
    if programs() is None:
        yield {}
        return
    with postgres() as url:
        yield {VARIABLE: url}


def _make(cluster: Cluster, settings: Mapping[str, str]) -> None:
    password_file = cluster.folder / "password"
    password_file.write_text(cluster.password)
    if account := _account():
        for path in (cluster.folder, password_file):
            os.chown(path, account.pw_uid, account.pw_gid)
    data = str(cluster.folder / "data")
    authentication = ["--auth", "scram-sha-256", "--username", cluster.user, "--pwfile", str(password_file)]
    cluster.call("initdb", "-D", data, "--encoding", "UTF8", "--locale", "C", "--no-sync", *authentication)
    password_file.unlink()
    all_settings = {**settings, "port": str(cluster.port), "unix_socket_directories": str(cluster.folder)}
    options = " ".join(f"-c {name}={value}" for name, value in all_settings.items())
    cluster.call("pg_ctl", "start", "-w", "-D", data, "-l", str(cluster.folder / "server.log"), "-o", options)


def _account() -> pwd.struct_passwd | None:
    """The owner of the cluster: None for the account that runs the tests."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _version(programs_dir: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in programs_dir.parent.name.split(".") if part.isdecimal())
