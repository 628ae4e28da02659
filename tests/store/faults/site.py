"""A server, a fault proxy before it, a folder to publish, and the laws that hold whatever went wrong."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store
from tests.s3_server import S3Server
from tests.store.faults.faults import Fault, Rule, first_of
from tests.store.faults.proxy import FaultProxy
from tests.store.letters import ARTIFACT_TYPE, Recipe

SMALL_CHUNK = 64 << 10
"""Bytes of a blob in these tests, so that a file of a few MB has many."""
SIZES = {"empty": 0, "few.txt": 11, "deep/one-chunk.bin": SMALL_CHUNK, "deep/er/large.bin": 3 * SMALL_CHUNK + 12_345}


def write_files(folder: Path, sizes: dict[str, int] = SIZES, seed: int = 0) -> Path:
    """Files of these sizes and of bytes that hang on the seed and their name."""
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(hashlib.shake_256(f"{seed} {name}".encode()).digest(size))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, half downloads aside: those carry no final name."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".part"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def stored(store: Store, ref: ArtifactRef) -> dict[str, bytes]:
    """What lies in the store for each file, read and hashed without the code under test."""
    files = {}
    for entry in store.record(ref).files:
        files[entry.path] = b"".join(store.objects.read(f"blobs/{blob.sha256}") for blob in entry.blobs)
        assert hashlib.sha256(files[entry.path]).hexdigest() == entry.sha256, (
            f"{entry.path} is not what its record says"
        )
    return files


@dataclass
class Site:
    """What a fault test works on.

    Args:
        server: The real server.
        proxy: What stands before it.
        url: The store, below a prefix of this test's own.
        folder: The files to publish.
        scratch: Where caches lie.
        monkeypatch: For the environment.
    """

    server: S3Server
    proxy: FaultProxy
    url: str
    folder: Path
    scratch: Path
    monkeypatch: pytest.MonkeyPatch
    spec: ArtifactSpec = field(default_factory=lambda: ARTIFACT_TYPE.spec(Recipe()))
    chunk_bytes: int = SMALL_CHUNK
    n_fresh: int = 0

    def client(self, cache: str = "cache") -> Store:
        """A store whose every request meets the proxy."""
        self.monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", self.proxy.endpoint)
        return Store(self.url, self.scratch / cache, self.chunk_bytes)

    def fresh(self) -> Store:
        """A store of a client nobody used before, without the proxy, with an empty cache."""
        self.n_fresh += 1
        self.monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", self.server.endpoint)
        return Store(self.url, self.scratch / f"fresh-{self.n_fresh}", self.chunk_bytes)

    def obey(self, *rules: Rule) -> None:
        """Have the proxy follow these rules; where one stalls, later clients give up after four tenths of a second."""
        if {rule.harm for rule in rules} & {Fault.STALL, Fault.STALL_HALFWAY}:
            self.monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", "0.4")
        self.proxy.obey(first_of(*rules))

    def publish(self, store: Store | None = None) -> ArtifactRef:
        """Publish the folder, through the proxy unless told otherwise."""
        return (store or self.client()).publish(self.spec, self.folder, {"n": 2}, 1.5)

    def record_bytes(self) -> bytes | None:
        """What stands at the artifact's record."""
        try:
            return self.fresh().objects.read(f"{self.spec.path}/record.json")
        except FileNotFoundError:
            return None

    def blobs_there(self) -> set[str]:
        """Names of the blobs whose bytes are what their names say."""
        objects = self.fresh().objects
        names = [found.name for found in objects.list("blobs/")]
        return {name for name in names if hashlib.sha256(objects.read(name)).hexdigest() == name.split("/")[-1]}

    def whole_or_absent(self) -> ArtifactRef | None:
        """The law: what a fresh client finds, every byte held against the published folder; or None."""
        store = self.fresh()
        ref = store.find(self.spec)
        return None if ref is None else self.is_whole(store, ref)

    def is_whole(self, store: Store, ref: ArtifactRef) -> ArtifactRef:
        """Hold the stored and the fetched files against the published folder."""
        assert stored(store, ref) == content(store.fetch(ref)) == content(self.folder)
        return ref

    def cache_holds_nothing_wrong(self, cache: str = "cache") -> None:
        """The law: under a final name lies what was published or nothing."""
        expected = content(self.folder)
        for path, found in content(self.scratch / cache / self.spec.path).items():
            assert found == expected[path], f"{path} in the cache is wrong"

    def rerun_completes(self) -> ArtifactRef:
        """The law: with the faults gone, publishing again gives the whole artifact, and it is fetched right."""
        self.obey()
        ref = self.publish()
        assert self.whole_or_absent() == ref
        assert content(self.client().fetch(ref)) == content(self.folder)
        return ref
