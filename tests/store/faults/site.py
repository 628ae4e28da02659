"""A server, a fault proxy in front of it, a folder to publish, and the laws that must hold after every fault."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store
from tests.s3_server import S3Server
from tests.store.faults.faults import Fault, Rule, first_of
from tests.store.faults.proxy import FaultProxy
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig

SMALL_CHUNK = 64 << 10
"""Bytes of a blob in these tests, so that a file of a few MB has many."""
SIZES = {"empty": 0, "few.txt": 11, "deep/one-chunk.bin": SMALL_CHUNK, "deep/er/large.bin": 3 * SMALL_CHUNK + 12_345}


def write_files(folder: Path, sizes: dict[str, int] = SIZES, seed: int = 0) -> Path:
    """Files of these sizes; their bytes depend on the seed and their names."""
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(hashlib.shake_256(f"{seed} {name}".encode()).digest(size))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder except unfinished downloads."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".part"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def stored(store: Store, ref: ArtifactRef) -> dict[str, bytes]:
    """Bytes of each file in the store, read and hashed without the code under test."""
    files = {}
    for entry in store.record(ref).files:
        files[entry.path] = b"".join(store.objects.read(f"blobs/{blob.sha256}") for blob in entry.blobs)
        assert hashlib.sha256(files[entry.path]).hexdigest() == entry.sha256, (
            f"{entry.path} is not what its record says"
        )
    return files


@dataclass
class Site:
    """The objects of a fault test.

    Args:
        server: The real server.
        proxy: In front of the server.
        url: The store, below a prefix of this test's own.
        folder: The files to publish.
        scratch: Folder for caches.
        monkeypatch: For the environment.
    """

    server: S3Server
    proxy: FaultProxy
    url: str
    folder: Path
    scratch: Path
    monkeypatch: pytest.MonkeyPatch
    spec: ArtifactSpec = field(default_factory=lambda: ARTIFACT_TYPE.spec(SmallConfig()))
    chunk_bytes: int = SMALL_CHUNK
    n_fresh: int = 0

    def client(self, cache: str = "cache") -> Store:
        """A store whose requests all go through the proxy."""
        self.monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", self.proxy.endpoint)
        return Store(self.url, self.scratch / cache, self.chunk_bytes)

    def fresh(self) -> Store:
        """A store with a new client, without the proxy, with an empty cache."""
        self.n_fresh += 1
        self.monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", self.server.endpoint)
        return Store(self.url, self.scratch / f"fresh-{self.n_fresh}", self.chunk_bytes)

    def obey(self, *rules: Rule) -> None:
        """Give the proxy these rules; if one stalls, later clients give up after 0.4 seconds."""
        if {rule.harm for rule in rules} & {Fault.STALL, Fault.STALL_HALFWAY}:
            self.monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", "0.4")
        self.proxy.obey(first_of(*rules))

    def publish(self, store: Store | None = None) -> ArtifactRef:
        """Publish the folder, by default through the proxy."""
        return (store or self.client()).publish(self.spec, self.folder, {"n": 2}, 1.5)

    def record_bytes(self) -> bytes | None:
        """Content of the artifact's record; None without one."""
        try:
            return self.fresh().objects.read(f"{self.spec.path}/record.json")
        except FileNotFoundError:
            return None

    def blobs_there(self) -> set[str]:
        """Names of the blobs whose bytes match their names."""
        objects = self.fresh().objects
        names = [found.name for found in objects.list("blobs/")]
        return {name for name in names if hashlib.sha256(objects.read(name)).hexdigest() == name.split("/")[-1]}

    def whole_or_absent(self) -> ArtifactRef | None:
        """The law: a new client finds the artifact with every byte of the published folder, or None."""
        store = self.fresh()
        ref = store.find(self.spec)
        return None if ref is None else self.is_whole(store, ref)

    def is_whole(self, store: Store, ref: ArtifactRef) -> ArtifactRef:
        """Compare the stored and the fetched files with the published folder."""
        assert stored(store, ref) == content(store.fetch(ref)) == content(self.folder)
        return ref

    def cache_holds_nothing_wrong(self, cache: str = "cache") -> None:
        """The law: a file with its final name has the published bytes."""
        expected = content(self.folder)
        for path, found in content(self.scratch / cache / self.spec.path).items():
            assert found == expected[path], f"{path} in the cache is wrong"

    def rerun_completes(self) -> ArtifactRef:
        """The law: without faults, publishing again gives the whole artifact, and it is fetched right."""
        self.obey()
        ref = self.publish()
        assert self.whole_or_absent() == ref
        assert content(self.client().fetch(ref)) == content(self.folder)
        return ref
