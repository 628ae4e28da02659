"""The store's keys come from the environment or from Prefect's Secret blocks, and are written nowhere."""

from pathlib import Path

import pytest
from prefect.blocks.system import Secret

from tasks.store.store import open_store
from tests.flows.conftest import InlineRun
from tests.flows.stage_runs import deploy_again, finished, lines_of, panel_spec, trigger, until
from tests.local_stack import Stack
from tests.s3_server import ACCESS_KEY, SECRET_KEY, S3Server

pytestmark = pytest.mark.server

KEYS = (ACCESS_KEY.encode(), SECRET_KEY.encode())


def files_with_a_key(*folders: Path) -> list[Path]:
    """Every file below the folders that holds a key's value: logs, records, artifacts, the server's database."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert files
    return [file for file in files if any(key in _bytes_of(file) for key in KEYS)]


def _bytes_of(file: Path) -> bytes:
    """None of a file that is gone by now, as a run's own folder is when it has ended."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def has_a_key(text: str) -> bool:
    return any(key in text.encode() for key in KEYS)


def test_the_search_finds_a_key_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"\x00secret=" + KEYS[1] + b"\n")
    (tmp_path / "other").write_text("nothing")
    assert files_with_a_key(tmp_path) == [tmp_path / "deep" / "log"]


@pytest.mark.trainer
@pytest.mark.slow
def test_a_full_run_leaves_no_key_in_its_state_its_records_its_artifacts_or_its_output(inline_run: InlineRun) -> None:
    assert inline_run.first.returncode == 0, inline_run.first.stderr
    assert list(inline_run.bucket.glob("report/*/*/record.json"))
    assert files_with_a_key(inline_run.state, inline_run.bucket) == []
    assert not has_a_key(inline_run.first.stdout + inline_run.first.stderr)


@pytest.fixture
def panel_with_secret_blocks(on_stack: Stack, s3_server: S3Server) -> None:
    """The panel's deployment once more, its store on S3 and its keys in Secret blocks."""
    Secret(value=ACCESS_KEY).save("hindsight-s3-key-id", overwrite=True)
    Secret(value=SECRET_KEY).save("hindsight-s3-secret", overwrite=True)
    environment = {
        **s3_server.environment(),
        "HINDSIGHT_STORE": f"s3://{s3_server.bucket}/through-the-server",
        "AWS_ACCESS_KEY_ID": "{{ prefect.blocks.secret.hindsight-s3-key-id }}",
        "AWS_SECRET_ACCESS_KEY": "{{ prefect.blocks.secret.hindsight-s3-secret }}",
    }
    deploy_again("panel/cpu", "s3", "cpu", job_variables={"env": environment})


@pytest.mark.usefixtures("panel_with_secret_blocks")
def test_a_run_gets_its_keys_from_secret_blocks_and_leaves_them_nowhere(
    on_stack: Stack, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = panel_spec(401)
    run = finished(trigger("panel/s3", spec))
    assert run.state_name == "Completed", lines_of(run)
    until(lambda: any(f"published {spec.path}" in line for line in lines_of(run)))
    assert not has_a_key("\n".join(lines_of(run)))
    assert not has_a_key(run.model_dump_json())
    # Prefect's file with the run's environment goes with the run's supervisor, a moment after the run has ended.
    until(lambda: not files_with_a_key(on_stack.state, s3_server.folder), 60)
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HINDSIGHT_STORE", f"s3://{s3_server.bucket}/through-the-server")
    assert open_store().find(spec) is not None
