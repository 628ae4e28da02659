"""`hindsight://`: everybody's tools read an artifact by its address, every byte is hashed, and nothing is written."""

import hashlib
import io
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import datasets
import fsspec
import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.settings import project_root
from tasks.store.address import open_artifact
from tasks.store.artifact_file import ArtifactFile
from tasks.store.catalogue import BadPath
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError, StoreUnreachable
from tasks.store.filesystem import HindsightFileSystem
from tasks.store.read_only import ReadOnlyStore
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType
from tasks.store.store import Store
from tests.s3_server import free_port
from tests.store.conftest import store_on
from tests.store.small_artifact import SmallConfig

TYPE = ArtifactType[SmallConfig]("panel", 1, lambda config, inputs: "made")
CHUNK = 10_000
ADDRESS = "hindsight://panel/made/latest"
ROWS = pd.DataFrame({"code": np.arange(4_000) % 20, "target": np.random.default_rng(0).normal(size=4_000)})
DOCUMENTS = [{"id": f"d-{n}", "date": "2017-06-23", "text": "Markets opened higher. " * (n % 7)} for n in range(500)]


def make(folder: Path, rows: pd.DataFrame = ROWS) -> Path:
    """A folder with files of the formats that stages publish; most of them larger than a chunk."""
    (folder / "texts").mkdir(parents=True)
    rows.to_parquet(folder / "rows.parquet", row_group_size=500)
    (folder / "ledger.json").write_text(json.dumps({"n_documents": len(DOCUMENTS)}))
    for name, part in (("00000", DOCUMENTS[:300]), ("00001", DOCUMENTS[300:])):
        (folder / "texts" / f"{name}.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in part))
    np.save(folder / "states.npy", rows.to_numpy())
    (folder / "empty.txt").touch()
    return folder


def publish(store: Store, folder: Path, size: int = 3) -> ArtifactRef:
    """In small chunks, under a key that follows from the size."""
    in_chunks = Store(store.url, store.cache_dir, CHUNK)
    return in_chunks.publish(TYPE.spec(SmallConfig(size=size)), folder, {}, 1.0)


@pytest.fixture(params=["folder", "s3_store"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """On a folder and on S3; what servers do that deviate from S3, the store's own tests show."""
    with store_on(request.param, request) as opened:
        yield opened


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make(tmp_path / "panel")


@pytest.fixture
def ref(store: Store, made: Path) -> ArtifactRef:
    """An artifact on a folder and on S3."""
    return publish(store, made)


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`datasets` asks a store only if it may leave the machine, and keeps what it prepares in a folder of this test."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    for name in ("HF_DATASETS_CACHE", "DOWNLOADED_DATASETS_PATH", "HF_CACHE_HOME"):
        monkeypatch.setattr(datasets.config, name, tmp_path / "datasets")


def contents(store: Store) -> dict[str, bytes]:
    return {info.name: store.objects.read(info.name) for info in store.objects.list("")}


def harm(store: Store, ref: ArtifactRef, file: str, n_blob: int = 0) -> None:
    """Change one byte of a blob of a file."""
    entry = next(entry for entry in store.record(ref).files if entry.path == file)
    name = store.blobs.name_of(entry.blobs[n_blob].sha256)
    content = bytearray(store.objects.read(name))
    content[len(content) // 2] ^= 1
    store.objects.write(name, content)


def test_the_file_system_is_registered_by_an_entry_point() -> None:
    (found,) = entry_points(group="fsspec.specs", name="hindsight")
    assert found.load() is HindsightFileSystem
    assert type(fsspec.filesystem("hindsight")) is HindsightFileSystem


# Everybody's tools


def test_pandas_reads_an_artifact_by_its_address(store: Store, ref: ArtifactRef) -> None:
    for key in ("latest", ref.key):
        pd.testing.assert_frame_equal(pd.read_parquet(f"hindsight://panel/made/{key}/rows.parquet"), ROWS)
    lines = pd.read_json(f"{ADDRESS}/texts/00000.jsonl", lines=True, convert_dates=False)
    assert lines.to_dict("records") == DOCUMENTS[:300]


def test_pyarrow_opens_a_file_and_a_folder_as_a_dataset(store: Store, ref: ArtifactRef) -> None:
    filesystem = fsspec.filesystem("hindsight")
    rows = pyarrow.dataset.dataset("panel/made/latest/rows.parquet", filesystem=filesystem)
    assert rows.count_rows() == len(ROWS)
    few = rows.to_table(filter=pyarrow.dataset.field("code") == 7, columns=["target"])
    assert few["target"].to_pylist() == ROWS.query("code == 7")["target"].tolist()
    texts = pyarrow.dataset.dataset("panel/made/latest/texts", filesystem=filesystem, format="json")
    assert texts.to_table().sort_by("id")["id"].to_pylist() == sorted(each["id"] for each in DOCUMENTS)


def test_pyarrow_knows_the_address_itself(store: Store, ref: ArtifactRef) -> None:
    assert pyarrow.dataset.dataset(f"fsspec+{ADDRESS}/rows.parquet").count_rows() == len(ROWS)


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_parquet_and_json_lines(store: Store, ref: ArtifactRef, online: None, streaming: bool) -> None:
    rows = datasets.load_dataset("parquet", data_files=f"{ADDRESS}/rows.parquet", split="train", streaming=streaming)
    assert [row["target"] for row in rows] == ROWS["target"].tolist()
    texts = datasets.load_dataset("json", data_files=f"{ADDRESS}/texts/*.jsonl", split="train", streaming=streaming)
    assert [row["id"] for row in texts] == [each["id"] for each in DOCUMENTS]


def test_datasets_prepares_a_file_again_when_latest_is_another_artifact(
    store: Store, ref: ArtifactRef, online: None, tmp_path: Path
) -> None:
    def load() -> datasets.Dataset:
        return datasets.load_dataset("parquet", data_files=f"{ADDRESS}/rows.parquet", split="train")

    assert load().num_rows == len(ROWS)
    publish(store, make(tmp_path / "later", ROWS[:7]), size=4)
    assert load().num_rows == 7


def test_numpy_loads_an_array(store: Store, ref: ArtifactRef) -> None:
    with fsspec.open(f"{ADDRESS}/states.npy") as file:
        np.testing.assert_array_equal(np.load(file, allow_pickle=False), ROWS.to_numpy())


def test_a_store_is_named_by_an_option(
    store: Store, ref: ArtifactRef, online: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "another"))
    options = {"store": store.url}
    assert len(pd.read_parquet(f"{ADDRESS}/rows.parquet", storage_options=options)) == len(ROWS)
    loaded = datasets.load_dataset(
        "parquet", data_files=f"{ADDRESS}/rows.parquet", split="train", storage_options={"hindsight": options}
    )
    assert loaded.num_rows == len(ROWS)
    with pytest.raises(FileNotFoundError):
        pd.read_parquet(f"{ADDRESS}/rows.parquet")
    with pytest.raises(FileNotFoundError, match=r"no pointer panel/made/latest\.json in .*/another"):
        pd.read_json(f"{ADDRESS}/ledger.json")


def test_the_examples_of_the_stores_page_run(store: Store, made: Path, online: None, tmp_path: Path) -> None:
    files = {
        "panel/sp500-20x30": {"rows.parquet": pd.DataFrame({"code": ["AAPL"], "date": 1, "target": 0.5}).to_parquet()},
        "train/sotu-1960-12-31-lora": {"metrics.jsonl": b'{"step": 1, "loss": 12.4}'},
        "corpus/sotu-1960-12-31": {"texts/00000.jsonl": (made / "texts" / "00000.jsonl").read_bytes()},
        "embed/sp500-20x30-tiny-qwen3.5-moe": {"states.npy": (made / "states.npy").read_bytes()},
    }
    for path, contents in files.items():
        for name, content in contents.items():
            file = tmp_path / path / name
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
        kind, label = path.split("/")
        store.publish(ArtifactSpec(kind, label, 1, SmallConfig()), tmp_path / path, {}, 1.0)
    page = (project_root() / "docs" / "store.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    found: dict[str, Any] = {}
    exec(example, found)  # noqa: S102
    assert len(found["rows"]) == found["one_stock"].num_rows == 1
    assert found["losses"]["loss"].tolist() == [12.4]
    assert found["texts"]["id"] == [each["id"] for each in DOCUMENTS[:300]]
    np.testing.assert_array_equal(found["states"], ROWS.to_numpy())


# Every byte is hashed


Tool = Callable[[str], object]
TOOLS: dict[str, Tool] = {
    "pandas": pd.read_parquet,
    "pyarrow": lambda url: pyarrow.dataset.dataset(f"fsspec+{url}").to_table(),
    "cat_file": lambda url: fsspec.filesystem("hindsight").cat_file(url),
    "open_artifact": lambda url: open_artifact(url.removesuffix("/rows.parquet")),
}


@pytest.mark.parametrize("n_blob", [0, 1, -1])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_damaged_blob_is_refused_by_name(store: Store, ref: ArtifactRef, tool: str, n_blob: int) -> None:
    harm(store, ref, "rows.parquet", n_blob)
    with pytest.raises(ArtifactDamaged, match=rf"file rows\.parquet of artifact {ref.path} in .* is damaged"):
        TOOLS[tool](f"{ADDRESS}/rows.parquet")


def test_datasets_is_given_no_damaged_byte(store: Store, ref: ArtifactRef, online: None, tmp_path: Path) -> None:
    harm(store, ref, "rows.parquet", -1)
    with pytest.raises(ArtifactDamaged, match=r"rows\.parquet"):
        datasets.load_dataset("parquet", data_files=f"{ADDRESS}/rows.parquet", split="train")
    assert not list((tmp_path / "datasets").rglob("*.arrow"))


def test_a_missing_blob_is_refused(store: Store, ref: ArtifactRef, made: Path) -> None:
    store.objects.delete(f"blobs/{hashlib.sha256((made / 'ledger.json').read_bytes()).hexdigest()}")
    with pytest.raises(ArtifactDamaged, match=r"ledger\.json .* is missing"):
        fsspec.open(f"{ADDRESS}/ledger.json").open().read()


def test_what_precedes_and_follows_a_damaged_blob_is_served(store: Store, ref: ArtifactRef, made: Path) -> None:
    harm(store, ref, "rows.parquet", 1)
    truth, filesystem = (made / "rows.parquet").read_bytes(), fsspec.filesystem("hindsight")
    path = f"{ADDRESS}/rows.parquet"
    assert filesystem.cat_file(path, 0, CHUNK) == truth[:CHUNK]
    assert filesystem.cat_file(path, 2 * CHUNK) == truth[2 * CHUNK :]
    for start, end in ((CHUNK - 1, CHUNK + 1), (CHUNK, CHUNK + 1), (2 * CHUNK - 1, 2 * CHUNK)):
        with pytest.raises(ArtifactDamaged):
            filesystem.cat_file(path, start, end)


def test_a_copy_that_fails_leaves_no_file(store: Store, ref: ArtifactRef, tmp_path: Path, made: Path) -> None:
    filesystem, target = fsspec.filesystem("hindsight"), tmp_path / "out" / "rows.parquet"
    filesystem.get(f"{ADDRESS}/rows.parquet", str(target))
    assert target.read_bytes() == (made / "rows.parquet").read_bytes()
    target.unlink()
    harm(store, ref, "rows.parquet", -1)
    with pytest.raises(ArtifactDamaged):
        filesystem.get(f"{ADDRESS}/rows.parquet", str(target))
    assert list(target.parent.iterdir()) == []


# Any position of a file of several blobs


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[ArtifactFile, io.BytesIO]]:
    """A file of eleven lines per blob and its true bytes, opened anew by each call."""
    folder = tmp_path_factory.mktemp("seeks")
    (folder / "made").mkdir()
    truth = b"".join(f"line {n} {'x' * (n % 30)}\n".encode() for n in range(300))
    (folder / "made" / "lines.txt").write_bytes(truth)
    store = Store(str(folder / "store"), folder / "cache", 257)
    store.publish(TYPE.spec(SmallConfig()), folder / "made", {}, 1.0)
    filesystem = HindsightFileSystem(store.url)
    return lambda: (filesystem.open(f"{ADDRESS}/lines.txt"), io.BytesIO(truth))


POSITIONS = st.integers(0, 8_000)
OPERATIONS = st.one_of(
    st.tuples(st.just("seek"), POSITIONS),
    st.tuples(st.just("seek"), POSITIONS.map(lambda n: -min(n, 5_000)), st.just(io.SEEK_END)),
    st.tuples(st.just("read"), st.integers(-1, 3_000)),
    st.tuples(st.just("read1"), st.integers(1, 600)),
    st.tuples(st.just("readline")),
    st.tuples(st.just("tell")),
)


@given(operations=st.lists(OPERATIONS, max_size=30))
def test_any_seeks_and_reads_give_the_true_bytes(opened, operations) -> None:
    file, truth = opened()
    for name, *arguments in operations:
        if name == "read1":  # a short answer is allowed
            found = file.read1(*arguments)
            assert found == truth.read(len(found))
            assert found or truth.read(1) == b""
        else:
            assert getattr(file, name)(*arguments) == getattr(truth, name)(*arguments)


@given(start=st.none() | st.integers(-8_000, 8_000), end=st.none() | st.integers(-8_000, 8_000))
def test_a_range_is_a_slice(opened, start: int | None, end: int | None) -> None:
    file, truth = opened()
    filesystem = HindsightFileSystem(file.raw._blobs.objects.url)
    assert filesystem.cat_file(f"{ADDRESS}/lines.txt", start, end) == truth.getvalue()[start:end]


def test_few_blobs_stay_in_memory_and_none_after_closing(opened) -> None:
    file, _ = opened()
    for position in range(0, file.size, 100):
        file.seek(position)
        file.read(1)
        assert len(file.raw._in_memory) <= 2
    file.close()
    assert file.raw._in_memory == {}


def test_a_position_before_the_start_is_refused(opened) -> None:
    with pytest.raises(ValueError, match="position -1 is before the start"):
        opened()[0].seek(-1)


# Listing


FOLDERS = ("", "panel", "panel/made", "panel/made/latest", "panel/made/latest/texts")


def test_folders_are_kinds_labels_artifacts_and_their_folders(store: Store, ref: ArtifactRef) -> None:
    filesystem = fsspec.filesystem("hindsight")
    assert filesystem.ls("hindsight://", detail=False) == ["panel"]
    assert filesystem.ls("panel", detail=False) == ["panel/made"]
    assert filesystem.ls("panel/made/", detail=False) == [ref.path]
    names = ["empty.txt", "ledger.json", "rows.parquet", "states.npy", "texts"]
    for key in (ref.key, "latest"):
        assert filesystem.ls(f"panel/made/{key}", detail=False) == [f"panel/made/{key}/{name}" for name in names]
    assert filesystem.ls(f"{ADDRESS}/texts", detail=False) == [f"panel/made/latest/texts/0000{n}.jsonl" for n in (0, 1)]
    texts = [f"{ref.path}/texts/0000{n}.jsonl" for n in (0, 1)]
    assert filesystem.glob(f"{ADDRESS}/**/*.jsonl") == filesystem.glob("panel/*/*/texts/*") == texts
    assert filesystem.glob(f"{ADDRESS}/rows.parquet") == [f"{ref.path}/rows.parquet"]
    assert len(filesystem.find("hindsight://")) == 6


def test_a_file_is_described_by_its_record(store: Store, ref: ArtifactRef, made: Path) -> None:
    filesystem, content = fsspec.filesystem("hindsight"), (made / "rows.parquet").read_bytes()
    info = filesystem.info(f"{ADDRESS}/rows.parquet")
    assert (info["name"], info["type"], info["size"]) == ("panel/made/latest/rows.parquet", "file", len(content))
    assert info["ETag"] == hashlib.sha256(content).hexdigest()
    assert info["mtime"] == store.record(ref).finished_at.timestamp()
    assert filesystem.ls(info["name"]) == [info]
    assert filesystem.cat_file(f"{ADDRESS}/empty.txt") == b""


@pytest.mark.parametrize("path", FOLDERS, ids=["root", "kind", "label", "artifact", "folder"])
def test_a_folder_is_a_folder_and_not_opened(store: Store, ref: ArtifactRef, path: str) -> None:
    filesystem = fsspec.filesystem("hindsight")
    assert filesystem.isdir(path)
    assert not filesystem.isfile(path)
    with pytest.raises(IsADirectoryError, match=f"hindsight://{path} is a folder of"):
        filesystem.open(path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("panel/made/0123456789abcdef/rows.parquet", "no artifact panel/made/0123456789abcdef in"),
        ("panel/other/latest/rows.parquet", r"no pointer panel/other/latest\.json in"),
        ("panel/made/latest/column.parquet", r"made/latest/column\.parquet is not in the store .*; list hindsight://p"),
        ("panel/made/latest/rows.parquet/x", r"rows\.parquet/x is not in the store"),
        ("panel/made/latest/row", "made/latest/row is not in the store"),
        ("panel/other", "hindsight://panel/other is not in the store .*; list hindsight://panel"),
        ("train", r"hindsight://train is not in the store .*; list hindsight://\."),
        ("panel/../../secret", r"'\.\.' is not a segment of a store path"),
    ],
    ids=["artifact", "latest", "file", "below-file", "prefix", "label", "kind", "outside"],
)
def test_what_is_not_in_the_store_is_a_file_not_found(store: Store, ref: ArtifactRef, path: str, message: str) -> None:
    filesystem = fsspec.filesystem("hindsight")
    for ask in (filesystem.info, filesystem.ls, filesystem.open):
        with pytest.raises(FileNotFoundError, match=message) as refused:
            ask(path)
        assert isinstance(refused.value, StoreError)
    assert not filesystem.exists(path)
    assert not filesystem.isfile(path)
    assert not filesystem.isdir(path)


def test_a_server_that_is_down_is_not_an_absent_file(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.store.s3_client.N_ATTEMPTS", 1)
    monkeypatch.setattr("tasks.store.s3_objects.RETRY_SECONDS", 0.0)
    monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    filesystem = fsspec.filesystem("hindsight")
    for ask in (filesystem.exists, filesystem.isfile, filesystem.isdir, filesystem.open):
        with pytest.raises(StoreUnreachable, match="no answer"):
            ask(f"{ADDRESS}/rows.parquet")


def test_an_open_file_stays_what_it_was_when_it_was_opened(store: Store, ref: ArtifactRef, tmp_path: Path) -> None:
    filesystem = fsspec.filesystem("hindsight")
    file = filesystem.open(f"{ADDRESS}/rows.parquet")
    publish(store, make(tmp_path / "later", ROWS[:7]), size=4)
    pd.testing.assert_frame_equal(pd.read_parquet(file), ROWS)
    assert len(pd.read_parquet(filesystem.open(f"{ADDRESS}/rows.parquet"))) == 7


# Read-only


WRITES: dict[str, tuple[object, ...]] = {
    **dict.fromkeys(("mkdir", "makedirs", "makedir", "mkdirs", "rmdir", "touch"), ("panel/made/x",)),
    **dict.fromkeys(("rm", "rm_file", "delete"), (f"{ADDRESS}/rows.parquet",)),
    **dict.fromkeys(("mv", "move", "rename", "copy", "cp", "cp_file"), (f"{ADDRESS}/rows.parquet", "panel/made/x")),
    **dict.fromkeys(("put", "put_file", "upload"), (__file__, "panel/made/x")),
    **dict.fromkeys(("pipe", "pipe_file", "write_bytes"), ("panel/made/x", b"x")),
    "write_text": ("panel/made/x", "x"),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_writes_is_refused_by_name_and_changes_nothing(store: Store, ref: ArtifactRef, name: str) -> None:
    before = contents(store)
    with pytest.raises(ReadOnlyStore, match=r"^\w+\(.*would write, and hindsight:// is read-only") as refused:
        getattr(fsspec.filesystem("hindsight"), name)(*WRITES[name])
    assert isinstance(refused.value, OSError)
    assert contents(store) == before


@pytest.mark.parametrize("mode", ["wb", "ab", "xb", "r+b", "w"])
def test_no_file_is_opened_for_writing(store: Store, ref: ArtifactRef, mode: str) -> None:
    with pytest.raises(ReadOnlyStore, match=r"open\('panel/made/latest/rows.parquet', .* would write"):
        fsspec.filesystem("hindsight").open(f"{ADDRESS}/rows.parquet", mode)


def test_tools_cannot_write(store: Store, ref: ArtifactRef) -> None:
    with pytest.raises(ReadOnlyStore):
        ROWS.to_parquet(f"{ADDRESS}/copy.parquet")
    with pytest.raises(ReadOnlyStore):
        ROWS.to_csv(f"{ADDRESS}/copy.csv")


def test_listing_and_reading_write_nothing(store: Store, ref: ArtifactRef, own_state: Path) -> None:
    before, local = contents(store), sorted(own_state.rglob("*"))
    filesystem = fsspec.filesystem("hindsight")
    for path in filesystem.find("hindsight://"):
        filesystem.cat_file(path)
    filesystem.glob(f"{ADDRESS}/*")
    pd.read_parquet(f"{ADDRESS}/rows.parquet")
    assert contents(store) == before
    assert sorted(own_state.rglob("*")) == local


# Copies of the file system


def test_a_pickled_file_system_opens_the_same_store_in_another_process(store: Store, ref: ArtifactRef) -> None:
    filesystem = HindsightFileSystem()
    copy = pickle.loads(pickle.dumps(filesystem))  # noqa: S301
    assert copy == filesystem
    assert copy.store.url == store.url
    opened_file = fsspec.open(f"{ADDRESS}/ledger.json")
    code = (
        "import os, pickle, sys; os.environ.pop('HINDSIGHT_STORE', None)\n"
        "with pickle.load(sys.stdin.buffer) as file: sys.stdout.buffer.write(file.read())"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(opened_file), capture_output=True, check=True
    )
    assert json.loads(child.stdout) == {"n_documents": 500}


def test_file_systems_are_equal_if_their_stores_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "one"))
    first = fsspec.filesystem("hindsight")
    assert first == fsspec.filesystem("hindsight", store=str(tmp_path / "one"))
    assert hash(first) == hash(fsspec.filesystem("hindsight"))
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "two"))
    assert first != fsspec.filesystem("hindsight")


def test_a_rebuilt_artifact_is_seen_by_a_new_file_system_and_after_invalidating(
    store: Store, ref: ArtifactRef, tmp_path: Path
) -> None:
    old, path = fsspec.filesystem("hindsight"), f"{ref.path}/rows.parquet"
    size = old.info(path)["size"]
    rebuilt = Store(store.url, store.cache_dir, CHUNK).publish(
        TYPE.spec(SmallConfig()), make(tmp_path / "rebuilt", ROWS[:7]), {}, 1.0, requested_by="a run"
    )
    assert rebuilt.path == ref.path
    assert (old.info(path)["size"], len(old.cat_file(path))) == (size, size)
    new_size = fsspec.filesystem("hindsight").info(path)["size"]
    assert new_size < size
    old.invalidate_cache()
    assert old.info(path)["size"] == new_size


# open_artifact


@pytest.mark.parametrize("prefix", ["", "hindsight://"])
def test_an_artifact_is_fetched_by_its_address(store: Store, ref: ArtifactRef, made: Path, prefix: str) -> None:
    for address in (f"{prefix}panel/made/latest", f"{prefix}{ref.path}"):
        found = open_artifact(address)
        assert found.record.ref == ref
        assert {file.name: file.read_bytes() for file in found.folder.rglob("*.*")} == {
            file.name: file.read_bytes() for file in made.rglob("*.*")
        }
    assert open_artifact(ref.path, store=store.url).folder == found.folder


def test_a_wrong_address_is_refused(store: Store, ref: ArtifactRef) -> None:
    with pytest.raises(ArtifactMissing, match=r"no pointer panel/other/latest\.json"):
        open_artifact("hindsight://panel/other/latest")
    with pytest.raises(BadPath, match="'panel/made' names no artifact; write kind/label/key"):
        open_artifact("hindsight://panel/made")
