"""Publish, find, fetch and verify artifacts."""

import hashlib
import logging
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue, ValidationError

from tasks.settings import state_dir
from tasks.store.digests import CHUNK_BYTES, sha256_of_file, sha256_of_stream
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, IdentityDrift, UnwritableStore
from tasks.store.filesystem import open_filesystem, put_whole, store_url
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
        self.cache_dir = cache_dir

    def find(self, plan: Plan) -> ArtifactRef | None:
        """The artifact this plan describes, if it stands in the store and is whole.

        Raises:
            IdentityDrift: If the record at its place tells of another identity.
            ArtifactDamaged: If a blob is missing, cut or changed.
        """
        if not self._exists(f"{plan.path}/{RECORD_NAME}"):
            return None
        record = self._read_record(plan.path)
        _refuse_drift(plan, record)
        self._check_blobs(record)
        return record.ref

    def record(self, ref: ArtifactRef) -> Record:
        """The record of a published artifact.

        Raises:
            ArtifactMissing: If nothing stands there.
            ArtifactDamaged: If it stands there with another content than the reference says.
        """
        if not self._exists(f"{ref.path}/{RECORD_NAME}"):
            raise ArtifactMissing(f"no artifact {ref.path} in {self.url}; run its stage again to have it built.")
        record = self._read_record(ref.path)
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
            if not (target.is_file() and target.stat().st_size == entry.size and sha256_of_file(target) == entry.sha256):
                self._download(record, entry, target)
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
        files = [self._upload(path, path.relative_to(folder).as_posix()) for path in _files_below(folder)]
        record = Record(
            kind=plan.kind,
            label=plan.label,
            key=plan.key,
            identity=plan.identity,
            config=plan.config.model_dump(mode="json"),
            inputs=dict(plan.inputs),
            files=files,
            facts=facts,
            seconds=round(seconds, 3),
            finished_at=datetime.now(UTC),
            versions=running_versions(),
            git_commit=git_commit(),
        )
        with tempfile.TemporaryDirectory() as scratch:
            local = Path(scratch) / RECORD_NAME
            local.write_text(record.model_dump_json(indent=1) + "\n")
            put_whole(self.filesystem, local, self._at(f"{plan.path}/{RECORD_NAME}"))
        if self._read_record(plan.path) != record:
            raise ArtifactDamaged(f"{plan.path}/{RECORD_NAME} in {self.url} reads back changed; the artifact does not count.")
        log.info("published %s, %d files, %.1f MB", plan.path, len(files), record.n_bytes / 1e6)
        return record.ref

    def probe(self) -> None:
        """Write a few bytes, read them back, delete them.

        Raises:
            UnwritableStore: If any of it fails.
        """
        name, content = f"probe/{uuid.uuid4().hex}", os.urandom(64)
        try:
            with tempfile.TemporaryDirectory() as scratch:
                local = Path(scratch) / "probe"
                local.write_bytes(content)
                put_whole(self.filesystem, local, self._at(name))
            returned = self.filesystem.cat_file(self._at(name))
            self.filesystem.rm_file(self._at(name))
        except Exception as error:
            # Any failure of any client library means the same to the person: this store cannot be written.
            raise UnwritableStore(
                f"store {self.url} cannot be written: {type(error).__name__}: {str(error)[:200]}. "
                "Set HINDSIGHT_STORE to a folder or bucket you may write, and for S3 HINDSIGHT_S3_ENDPOINT and the AWS_* keys."
            ) from error
        if returned != content:
            raise UnwritableStore(f"store {self.url} returned other bytes than it was given; do not keep results there.")

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _exists(self, path: str) -> bool:
        return bool(self.filesystem.exists(self._at(path)))

    def _read_record(self, path: str) -> Record:
        raw = self.filesystem.cat_file(self._at(f"{path}/{RECORD_NAME}"))
        try:
            return Record.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors()[0]
            raise ArtifactDamaged(
                f"{path}/{RECORD_NAME} in {self.url} is no record of schema 1: {first['msg']} at "
                f"{'.'.join(map(str, first['loc'])) or 'its start'}. Remove the file to have the artifact built again."
            ) from error

    def _damaged(self, record: Record, entry: FileEntry, found: str) -> ArtifactDamaged:
        return ArtifactDamaged(
            f"file {entry.path} of artifact {record.ref.path} in {self.url} is damaged: {found}, the record says "
            f"{entry.size} bytes with sha256 {entry.sha256[:12]}. Remove blobs/{entry.sha256} and "
            f"{record.ref.path}/{RECORD_NAME} to have it built again."
        )

    def _check_blobs(self, record: Record) -> None:
        rehash = record.n_bytes <= REHASH_UP_TO_BYTES
        for entry in record.files:
            blob = _blob(entry.sha256)
            if not self._exists(blob):
                raise self._damaged(record, entry, f"{blob} is missing")
            if (size := self.filesystem.size(self._at(blob))) != entry.size:
                raise self._damaged(record, entry, f"{blob} has {size} bytes")
            if rehash and (sha256 := self._hash_blob(blob)) != entry.sha256:
                raise self._damaged(record, entry, f"its bytes hash to {sha256[:12]}")

    def _hash_blob(self, blob: str) -> str:
        with self.filesystem.open(self._at(blob), "rb") as stream:
            return sha256_of_stream(stream)

    def _upload(self, source: Path, name: str) -> FileEntry:
        entry = FileEntry(path=name, size=source.stat().st_size, sha256=sha256_of_file(source))
        blob = _blob(entry.sha256)
        # A blob that already reads back right is the same bytes; a changed one is healed by writing it again.
        if not (self._exists(blob) and self._hash_blob(blob) == entry.sha256):
            put_whole(self.filesystem, source, self._at(blob))
            if (returned := self._hash_blob(blob)) != entry.sha256:
                raise ArtifactDamaged(
                    f"{blob} in {self.url} reads back as {returned[:12]} after its upload; {name} is not published."
                )
        return entry

    def _download(self, record: Record, entry: FileEntry, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
        digest = hashlib.sha256()
        try:
            with self.filesystem.open(self._at(_blob(entry.sha256)), "rb") as reader, part.open("wb") as writer:
                while chunk := reader.read(CHUNK_BYTES):
                    digest.update(chunk)
                    writer.write(chunk)
                writer.flush()
                os.fsync(writer.fileno())
            if digest.hexdigest() != entry.sha256:
                raise self._damaged(record, entry, f"its bytes hash to {digest.hexdigest()[:12]}")
            os.replace(part, target)
        except FileNotFoundError as error:
            raise self._damaged(record, entry, f"{_blob(entry.sha256)} is missing") from error
        finally:
            part.unlink(missing_ok=True)


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


def _blob(sha256: str) -> str:
    return f"blobs/{sha256}"


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
