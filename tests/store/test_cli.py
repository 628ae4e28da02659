"""Output and exit status of `hindsight store`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hindsight.cli.main import main
from tasks.common.settings import project_root
from tasks.store.receipts import read_receipt
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store, open_store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published


def stage_type(kind: str) -> ArtifactType[SmallConfig]:
    return ArtifactType[SmallConfig](kind, 1, ARTIFACT_TYPE.label)


@pytest.fixture
def chain(store: Store, folder: Path) -> tuple[Store, list[ArtifactRef]]:
    """corpus; train from it; merge from both."""
    corpus = published(store, folder)
    (folder / "t.txt").write_text("t")
    train = published(store, folder, stage_type("train").spec(SmallConfig(), {"corpus": corpus}))
    merge = published(store, folder, stage_type("merge").spec(SmallConfig(), {"corpus": corpus, "train": train}))
    return store, [corpus, train, merge]


def test_ls_lists_every_artifact_with_its_size(
    chain: tuple[Store, list[ArtifactRef]], capsys: pytest.CaptureFixture[str]
) -> None:
    store, refs = chain
    assert main(["store", "ls"]) == 0
    *lines, total = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted(ref.path for ref in refs)
    assert re.search(r"  0\.03 MB  2 files  \d{4}-\d\d-\d\d ", next(line for line in lines if "corpus" in line))
    assert total == f"3 artifacts, 0.08 MB in {store.url}"
    assert main(["store", "ls", "train"]) == 0
    assert capsys.readouterr().out.startswith(f"{refs[1].path}  ")


def test_ls_names_what_it_cannot_read_and_fails(
    chain: tuple[Store, list[ArtifactRef]], capsys: pytest.CaptureFixture[str]
) -> None:
    store, refs = chain
    store.objects.write(f"{refs[1].path}/record.json", b"{")
    assert main(["store", "ls"]) == 1
    printed = capsys.readouterr()
    assert f"{refs[1].path}/record.json" in printed.err
    assert "2 artifacts" in printed.out


def test_get_writes_the_files_of_one_artifact_and_nothing_of_its_sources(
    chain: tuple[Store, list[ArtifactRef]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = chain[1][1]
    assert main(["store", "get", train.path, str(tmp_path / "got")]) == 0
    assert sorted(file.name for file in (tmp_path / "got").rglob("*") if file.is_file()) == ["a.txt", "b.bin", "t.txt"]
    assert (tmp_path / "got" / "t.txt").read_text() == "t"
    assert "3 files" in capsys.readouterr().out
    (tmp_path / "got" / "t.txt").write_text("mine")
    assert main(["store", "get", train.path, str(tmp_path / "got")]) == 1
    assert "t.txt exists with another content" in capsys.readouterr().err
    assert (tmp_path / "got" / "t.txt").read_text() == "mine"


def test_show_draws_the_lineage_as_a_tree(
    chain: tuple[Store, list[ArtifactRef]], capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, train, merge = chain[1]
    assert main(["store", "show", merge.path]) == 0
    lines = [re.match(r"(\W*)(\S.*?)(?:  |$)", line).groups() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ("", merge.path),
        ("├─ ", f"corpus: {corpus.path}"),
        ("└─ ", f"train: {train.path}"),
        ("   └─ ", f"corpus: {corpus.path} (above)"),
    ]


def test_latest_names_the_newest_and_is_only_a_hint(
    chain: tuple[Store, list[ArtifactRef]], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, refs = chain
    newer = published(store, folder, ARTIFACT_TYPE.spec(SmallConfig(size=4)))
    assert main(["store", "show", "corpus/letters/latest"]) == 0
    assert capsys.readouterr().out.startswith(newer.path)
    store.objects.write("corpus/letters/latest.json", b'{"key": "../../leases"}')
    assert main(["store", "show", "corpus/letters/latest"]) == 1
    assert "is not a segment of a store path" in capsys.readouterr().err
    assert store.find(ARTIFACT_TYPE.spec(SmallConfig())) == refs[0]


def test_verify_prints_the_receipt_it_wrote(
    chain: tuple[Store, list[ArtifactRef]], capsys: pytest.CaptureFixture[str]
) -> None:
    store, refs = chain
    assert main(["store", "verify", refs[0].path]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{refs[0].path}: 2 blobs, 0.03 MB read and hashed in ")
    receipt = read_receipt(store, re.search(r"^receipt (\S+), valid until ", printed, re.MULTILINE)[1])
    assert receipt.ref == refs[0]


def test_verify_of_a_damaged_artifact_fails_with_a_message(
    chain: tuple[Store, list[ArtifactRef]], capsys: pytest.CaptureFixture[str]
) -> None:
    store, refs = chain
    store.objects.write(store.blobs.names_of(store.record(refs[0]))[0], b"alphA")
    assert main(["store", "verify", refs[0].path]) == 1
    assert re.match(r"hindsight: file a\.txt of artifact corpus/\S+ .* is damaged", capsys.readouterr().err)


def test_gc_lists_first_and_removes_with_delete(
    chain: tuple[Store, list[ArtifactRef]], capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = chain
    name = f"blobs/{'0' * 64}"
    store.objects.write(name, b"12345678")
    assert main(["store", "gc", "--older-than-hours", "0"]) == 0
    printed = capsys.readouterr().out
    assert "1 blobs (8 bytes) and 0 unfinished uploads would be removed; 3 blobs of 3 records kept" in printed
    assert printed.endswith("nothing was changed; --delete removes\n")
    assert store.objects.size(name) == 8
    assert main(["store", "gc", "--older-than-hours", "0", "--delete"]) == 0
    assert "1 blobs (8 bytes) and 0 unfinished uploads removed" in capsys.readouterr().out
    assert store.objects.size(name) is None
    assert main(["store", "gc"]) == 0
    assert "0 blobs (0 bytes)" in capsys.readouterr().out


def test_export_prints_what_it_wrote(
    chain: tuple[Store, list[ArtifactRef]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    merge = chain[1][2]
    assert main(["store", "export", merge.path, str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith(f"3 artifacts, 0.08 MB in {tmp_path / 'out'}, every file read back")
    assert main(["store", "export", merge.path, str(tmp_path / "out")]) == 1
    assert "is not an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("corpus", "names no artifact; write kind/label/key"),
        ("../../etc/passwd", "names no artifact"),
        ("corpus/../key", "is not a segment of a store path"),
        ("corpus/letters/0000000000000000", "no artifact corpus/letters/0000000000000000"),
        ("corpus/nothing/latest", "no pointer corpus/nothing/latest.json"),
    ],
)
@pytest.mark.parametrize("command", ["show", "verify"])
def test_a_path_that_names_nothing_is_refused(
    store: Store, path: str, sentence: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "://" not in store.url:
        Path(store.url).mkdir(parents=True)
    assert main(["store", command, path]) == 1
    assert sentence in capsys.readouterr().err


def test_it_runs_as_a_module_and_an_unknown_command_is_refused(folder: Path) -> None:
    published(open_store(), folder)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "hindsight", "store", *words]
        return subprocess.run(command, cwd=project_root(), capture_output=True, text=True)

    done = run("ls")
    assert (done.returncode, done.stdout.splitlines()[-1][:11]) == (0, "1 artifacts")
    assert run("sweep").returncode == 2
