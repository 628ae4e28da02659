"""Staging folders of ended or killed builders are removed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.common.settings import project_root, state_dir
from tasks.store.refs import ArtifactSpec
from tasks.store.staging import builder_lock, staging_folder
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig

BUILDER = """
import sys
from tasks.store.staging import builder_lock
from tasks.store.staging import staging_folder
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig
spec = ARTIFACT_TYPE.spec(SmallConfig(size=int(sys.argv[1])))
with builder_lock(spec), staging_folder(spec) as folder, staging_folder(spec, "work") as work:
    (folder / "weights").write_text("half")
    (work / "shards").write_text("many")
    print("built", flush=True)
    input()
"""


def begin_build(size: int) -> subprocess.Popen[str]:
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=project_root(),
    )
    assert builder.stdout is not None
    assert builder.stdout.readline() == "built\n"
    return builder


def kill(builder: subprocess.Popen[str]) -> None:
    builder.send_signal(signal.SIGKILL)
    builder.wait()


def staged(spec: ArtifactSpec) -> list[str]:
    return sorted(path.name for path in (state_dir() / "staging").glob(f"{spec.key}*"))


@pytest.mark.parametrize("size", [3, 4], ids=["the same artifact", "another artifact"])
def test_the_next_build_removes_folders_of_a_killed_one(size: int) -> None:
    killed, spec = ARTIFACT_TYPE.spec(SmallConfig(size=3)), ARTIFACT_TYPE.spec(SmallConfig(size=size))
    kill(begin_build(3))
    assert staged(killed) == [f"{killed.key}.artifact", f"{killed.key}.work"]
    with builder_lock(spec), staging_folder(spec) as folder, staging_folder(spec, "work") as work:
        assert staged(spec) == [folder.name, work.name]
        assert list(folder.iterdir()) == list(work.iterdir()) == []
        assert size == 3 or staged(killed) == []
    assert list(Path(state_dir() / "staging").iterdir()) == []


def test_folders_of_a_living_builder_stay() -> None:
    living, spec = ARTIFACT_TYPE.spec(SmallConfig(size=3)), ARTIFACT_TYPE.spec(SmallConfig(size=4))
    builder = begin_build(3)
    try:
        with builder_lock(spec), staging_folder(spec):
            assert staged(living) == [f"{living.key}.artifact", f"{living.key}.work"]
    finally:
        kill(builder)
