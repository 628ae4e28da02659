"""A full disk: an error with the needed and free bytes, no wrong file, and a rerun after disk space was freed."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.common.errors import HindsightError
from tasks.store.errors import NoSpace
from tasks.store.store import Store
from tests.store.faults.site import SMALL_CHUNK, Site, content, write_files
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig

SIZES = {f"{n}.bin": 12 * SMALL_CHUNK + n for n in range(4)}
"""3 MB: more than the small disk has, less than the grown one."""
SPEC = ARTIFACT_TYPE.spec(SmallConfig())


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", "-t", "tmpfs", *arguments], capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount("-o", "size=2m", "hindsight-test", str(folder)):
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def grow(disk: Path) -> Callable[[], None]:
    """Make the disk large enough."""
    return lambda: None if mount("-o", "remount,size=16m", "hindsight-test", str(disk)) else pytest.fail("no remount")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_files(tmp_path / "too-large", SIZES)


def test_a_fetch_onto_a_full_disk_leaves_no_wrong_file(rclone_site: Site, disk: Path, grow, made: Path) -> None:
    rclone_site.folder, rclone_site.scratch = made, disk
    ref = rclone_site.publish()
    with pytest.raises(NoSpace, match=rf"artifact {ref.path} .* needs 3\.1 MB .* 2\.\d MB are free"):
        rclone_site.client().fetch(ref)
    assert content(disk) == {}
    grow()
    assert content(rclone_site.client().fetch(ref)) == content(made)


def test_a_disk_that_fills_up_while_fetching_leaves_no_wrong_file(
    rclone_site: Site, disk: Path, grow, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another program fills the disk after it was checked.
    monkeypatch.setattr("tasks.store.downloads.Download._check_disk", _only_make_the_folder)
    rclone_site.folder, rclone_site.scratch = made, disk
    ref = rclone_site.publish()
    with pytest.raises(NoSpace, match=f"artifact {ref.path}"):
        rclone_site.client().fetch(ref)
    rclone_site.cache_holds_nothing_wrong()
    assert list(disk.rglob("*.part")) == []
    grow()
    assert content(rclone_site.client().fetch(ref)) == content(made)


def _only_make_the_folder(download, n_bytes: int) -> None:
    download.folder.mkdir(parents=True, exist_ok=True)


def test_a_full_folder_store_holds_no_half_artifact(disk: Path, grow, made: Path, tmp_path: Path) -> None:
    def store() -> Store:
        return Store(str(disk / "store"), tmp_path / "cache", SMALL_CHUNK)

    with pytest.raises(HindsightError, match=r"blobs/.* free"):
        store().publish(SPEC, made, {}, 1.0)
    assert store().find(SPEC) is None
    assert list(disk.rglob("*.part")) == []
    grow()
    ref = store().publish(SPEC, made, {}, 1.0)
    assert store().find(SPEC) == ref
    assert content(store().fetch(ref)) == content(made)


def test_a_folder_store_too_full_for_the_record_holds_no_artifact(disk: Path, grow, made: Path, tmp_path: Path) -> None:
    store = Store(str(disk / "store"), tmp_path / "cache", SMALL_CHUNK)
    small = write_files(tmp_path / "small", {"a.bin": 1 << 20})
    filler = disk / "filler"
    filler.write_bytes(bytes(1 << 20))  # the blobs take what is left
    with pytest.raises(HindsightError, match="free"):
        store.publish(SPEC, small, {}, 1.0)
    assert store.find(SPEC) is None
    filler.unlink()
    ref = store.publish(SPEC, small, {}, 1.0)
    assert content(store.fetch(ref)) == content(small)
