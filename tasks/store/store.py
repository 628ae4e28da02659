"""Publish, find, fetch and trace artifacts."""

import logging
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from tasks.settings import state_dir
from tasks.store.blobs import Blobs, WrongBytes
from tasks.store.digests import sha256_of_file
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, IdentityDrift, UnwritableStore
from tasks.store.filesystem import open_filesystem, put_bytes, store_url
from tasks.store.record_files import RecordFiles
from tasks.store.records import RECORD_NAME, FileEntry, Record, git_commit, running_versions
from tasks.store.refs import ArtifactRef, Plan

log = logging.getLogger(__name__)

REHASH_UP_TO_BYTES = 1 << 30
"""Asked whether it exists, an artifact up to this size is hashed again; of a larger one every blob's size is compared,
and its bytes are hashed when a stage fetches them."""


class Store:
    """Artifacts below one URL: `blobs/<sha256>` and `<kind>/<label>/<key>/record.json`, the record last.

    Args:
        url: A folder or `s3://bucket/prefix`.
        cache_dir: Where fetched artifacts lie on this machine; every file in it is hashed again before use.
    """

    def __init__(self, url: str, cache_dir: Path) -> None:
        self.url = url
        self.filesystem, self.root = open_filesystem(url)
        self.blobs = Blobs(self.filesystem, self.root)
        self.records = RecordFiles(self.filesystem, self.root, url)
        self.cache_dir = cache_dir

    def find(self, plan: Plan) -> ArtifactRef | None:
        """The artifact this plan describes, if it stands in the store and is whole.

        Raises:
            IdentityDrift: If the record at its place tells of another identity.
            ArtifactDamaged: If a blob is missing, cut or changed.
        """
        if not self.records.has(plan.path):
            return None
        record = self.records.read(plan.path)
        _refuse_drift(plan, record)
        self._check(record)
        return record.ref

    def record(self, ref: ArtifactRef) -> Record:
        """The record of a published artifact.

        Raises:
            ArtifactMissing: If nothing stands there.
            ArtifactDamaged: If it stands there with another content than the reference says.
        """
        if not self.records.has(ref.path):
            raise ArtifactMissing(f"no artifact {ref.path} in {self.url}; run its stage again to have it built.")
        record = self.records.read(ref.path)
        if record.digest != ref.digest:
            raise ArtifactDamaged(
                f"artifact {ref.path} in {self.url} has digest {record.digest[:12]}, the reference says "
                f"{ref.digest[:12]}; it was rebuilt or changed since. Start the run again from the stage that made it."
            )
        return record

    def lineage(self, ref: ArtifactRef) -> list[Record]:
        """The artifact and all it came from, sources first, each once."""
        seen: dict[str, Record] = {}

        def visit(current: ArtifactRef) -> None:
            if current.path in seen:
                return
            record = self.record(current)
            for source in record.inputs.values():
                visit(source)
            seen[current.path] = record

        visit(ref)
        return list(seen.values())

    def fetch(self, ref: ArtifactRef) -> Path:
        """A local folder with the artifact's files, every byte hashed against the record.

        Raises:
            ArtifactMissing: If it is not in the store.
            ArtifactDamaged: If a blob is missing or hashes to something else.
        """
        record = self.record(ref)
        folder = self.cache_dir / ref.path
        for entry in record.files:
            target = folder / entry.path
            if target.is_file() and target.stat().st_size == entry.size and sha256_of_file(target) == entry.sha256:
                continue
            try:
                self.blobs.get(entry.sha256, target)
            except WrongBytes as error:
                raise self._damaged(record, entry, error) from error
        return folder

    def publish(self, plan: Plan, folder: Path, facts: dict[str, JsonValue], seconds: float) -> ArtifactRef:
        """Upload a finished folder, read every file back, then write the record.

        Args:
            plan: What the artifact is.
            folder: Its files; nothing in it is changed.
            facts: Numbers for the record.
            seconds: Wall time of the work.

        Raises:
            ArtifactDamaged: If the store gives other bytes back than it was given.
        """
        record = Record(
            kind=plan.kind,
            label=plan.label,
            key=plan.key,
            identity=plan.identity,
            config=plan.config.model_dump(mode="json"),
            inputs=dict(plan.inputs),
            files=[_entry(path, folder) for path in _files_below(folder)],
            facts=facts,
            seconds=round(seconds, 3),
            finished_at=datetime.now(UTC),
            versions=running_versions(),
            git_commit=git_commit(),
        ).sealed()
        for entry in record.files:
            try:
                self.blobs.put(folder / entry.path, entry.sha256)
            except WrongBytes as error:
                raise self._damaged(record, entry, error) from error
        self.records.write(record)
        log.info("published %s, %d files, %.1f MB", plan.path, len(record.files), record.n_bytes / 1e6)
        return record.ref

    def probe(self) -> None:
        """Write a few bytes, read them back, delete them.

        Raises:
            UnwritableStore: If any of it fails.
        """
        name, content = f"{self.root}/probe/{uuid.uuid4().hex}", os.urandom(64)
        try:
            put_bytes(self.filesystem, content, name)
            returned = self.filesystem.cat_file(name)
            self.filesystem.rm_file(name)
        except Exception as error:
            # Any failure of any client library means the same to the person: this store cannot be written.
            raise UnwritableStore(
                f"store {self.url} cannot be written: {type(error).__name__}: {str(error)[:200]}. Set HINDSIGHT_STORE "
                "to a folder or bucket you may write, for S3 also HINDSIGHT_S3_ENDPOINT and the AWS_* keys."
            ) from error
        if returned != content:
            raise UnwritableStore(f"store {self.url} returned other bytes than it was given; keep nothing there.")

    def _check(self, record: Record) -> None:
        for entry in record.files:
            try:
                self.blobs.check(entry.sha256, entry.size, rehash=record.n_bytes <= REHASH_UP_TO_BYTES)
            except WrongBytes as error:
                raise self._damaged(record, entry, error) from error

    def _damaged(self, record: Record, entry: FileEntry, found: WrongBytes) -> ArtifactDamaged:
        return ArtifactDamaged(
            f"file {entry.path} of artifact {record.ref.path} in {self.url} is damaged: {found}; the record says "
            f"{entry.size} bytes with sha256 {entry.sha256[:12]}. Remove blobs/{entry.sha256} and "
            f"{record.ref.path}/{RECORD_NAME} to have it built again."
        )


@contextmanager
def staging_folder() -> Iterator[Path]:
    """A folder beside the cache for work in progress; it is gone afterwards, whatever happened."""
    parent = state_dir() / "staging"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def open_store() -> Store:
    """The store the environment names."""
    return Store(store_url(), state_dir() / "cache")


def _entry(path: Path, folder: Path) -> FileEntry:
    return FileEntry(path=path.relative_to(folder).as_posix(), size=path.stat().st_size, sha256=sha256_of_file(path))


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _refuse_drift(plan: Plan, record: Record) -> None:
    if record.identity == plan.identity:
        return
    fields = sorted(name for name in plan.identity if record.identity.get(name) != plan.identity[name])
    raise IdentityDrift(
        f"artifact {plan.path} was made with another {', '.join(fields) or 'identity'} than this run asks for; "
        "remove its record to have it built again."
    )
