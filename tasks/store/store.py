"""Publish, find, fetch and trace artifacts."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from tasks.common.settings import state_dir
from tasks.costs.usage import Meter
from tasks.store.blobs import CHUNK_BYTES, Blobs, WrongBlob
from tasks.store.capabilities import Capabilities
from tasks.store.downloads import Download
from tasks.store.drift import refuse_drift
from tasks.store.errors import ArtifactDamaged, ArtifactMissing
from tasks.store.filesystem import n_transfers, store_url
from tasks.store.objects import open_objects
from tasks.store.probe import probe_objects
from tasks.store.publication import settle
from tasks.store.record_files import RecordFiles
from tasks.store.records import Record, git_commit, running_versions
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.stopping import Stop, StoppableBlobs
from tasks.store.uploads import Upload
from tasks.store.wholeness import check_whole, damage

log = logging.getLogger(__name__)

N_PROBE_ATTEMPTS = 3
"""A person waits for the probe: a server that is down is said to be after seconds."""


class Store:
    """Artifacts below one URL: `blobs/<sha256>` and `<kind>/<label>/<key>/record.json`, the record last.

    Args:
        url: A folder or `s3://bucket/prefix`.
        cache_dir: Where fetched artifacts lie on this machine; every file in it is hashed again before use.
        chunk_bytes: A blob's size at most; files of artifacts that stand already may have blobs of any size.
    """

    def __init__(self, url: str, cache_dir: Path, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.objects = open_objects(url)
        self.url = self.objects.url
        self.blobs = Blobs(self.objects)
        self.records = RecordFiles(self.objects)
        self.cache_dir = cache_dir
        self.chunk_bytes = chunk_bytes
        self.n_threads = n_transfers()

    def find(self, spec: ArtifactSpec) -> ArtifactRef | None:
        """The artifact this spec describes, if it stands in the store and is whole.

        Raises:
            IdentityDrift: If the record at its place tells of another identity.
            ArtifactDamaged: If a blob is missing, cut or changed.
        """
        try:
            record = self.records.read(spec.path)
        except FileNotFoundError:
            return None
        refuse_drift(spec.identity, record)
        check_whole(self.blobs, record, self.n_threads)
        return record.ref

    def record(self, ref: ArtifactRef) -> Record:
        """The record of a published artifact, also of one that was built again since with other bytes.

        Raises:
            ArtifactMissing: If nothing stands there.
            ArtifactDamaged: If it stands there with another content than the reference says.
        """
        try:
            record = self.records.read(ref.path)
        except FileNotFoundError as error:
            raise ArtifactMissing(
                f"no artifact {ref.path} in {self.url}; run its stage again to have it built."
            ) from error
        if record.digest != ref.digest and (earlier := self.records.read_aside(ref)):
            return earlier
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
            NoSpace: If the disk is too full; no file is left that is not whole.
        """
        record = self.record(ref)
        folder = self.cache_dir / ref.path
        try:
            Download(self.blobs, folder, self.n_threads).receive(record.files, f"artifact {ref.path} of {self.url}")
        except WrongBlob as wrong:
            raise damage(self.url, record.ref, wrong) from wrong
        return folder

    def publish(
        self,
        spec: ArtifactSpec,
        folder: Path,
        facts: dict[str, JsonValue],
        seconds: float,
        stop: Stop | None = None,
        meter: Meter | None = None,
        requested_by: str = "",
    ) -> ArtifactRef:
        """Upload a finished folder, read every blob back, then write the record.

        Where an artifact of the same identity stands and is whole, it stays: its reference is returned, and a build
        with other bytes is only counted.

        Args:
            spec: What the artifact is.
            folder: Its files; nothing in it is changed.
            facts: Numbers for the record.
            seconds: Wall time of the work.
            stop: Gives the publication up when another thread sets it.
            requested_by: The run that asked for it though one stood: that one makes way, and is kept aside.
            meter: Read when all bytes are there, for what the record says was spent; without one it says nothing.

        Raises:
            ArtifactDamaged: If the store gives other bytes back than it was given.
            PublicationStopped: If it was stopped before its record was written.
        """
        stop = stop or Stop()
        upload = Upload(StoppableBlobs(self.objects, stop), folder, self.chunk_bytes, self.n_threads)
        with self._named(spec):
            files = upload.send(f"upload {spec.path}")
            upload.verify(files, f"verify {spec.path}")
        record = Record(
            kind=spec.kind,
            label=spec.label,
            key=spec.key,
            identity=spec.identity,
            config=spec.config.model_dump(mode="json"),
            inputs=dict(spec.inputs),
            files=files,
            facts=facts,
            seconds=round(seconds, 3),
            requested_by=requested_by or None,
            spent=meter.read() if meter else None,
            finished_at=datetime.now(UTC),
            versions=running_versions(),
            git_commit=git_commit(),
        ).sealed()
        with stop.recording():
            ref = settle(self.blobs, self.records, record, self.n_threads)
        if ref.digest == record.digest:
            with self._named(spec):
                upload.send_what_was_swept(files)
        return ref

    @contextmanager
    def _named(self, spec: ArtifactSpec) -> Iterator[None]:
        try:
            yield
        except WrongBlob as wrong:
            raise damage(self.url, spec, wrong) from wrong

    def probe(self) -> Capabilities:
        """Write a few bytes, read them back, delete them, and find what the server enforces.

        Raises:
            UnwritableStore: If any of it fails.
        """
        return probe_objects(open_objects(self.url, N_PROBE_ATTEMPTS))


def open_store() -> Store:
    """The store the environment names."""
    return Store(store_url(), state_dir() / "cache")
