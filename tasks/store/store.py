"""Publish, find, fetch and trace artifacts."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from tasks.common.settings import state_dir
from tasks.costs.usage import Meter
from tasks.store.blobs import CHUNK_BYTES, Blobs, check_whole
from tasks.store.connect import open_objects, probe_objects, store_url
from tasks.store.downloads import Download
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError
from tasks.store.objects import Capabilities
from tasks.store.parallel import n_transfers
from tasks.store.publication import Stop, commit_record
from tasks.store.record_files import RecordFiles
from tasks.store.records import Record, check_identity, git_commit, running_versions
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.uploads import Upload

N_PROBE_ATTEMPTS = 3
"""A person waits for the probe: it fails within seconds if the server is down."""


class Store:
    """Artifacts below one URL: `blobs/<sha256>` and `<kind>/<label>/<key>/record.json`, the record last.

    Args:
        url: A folder or `s3://bucket/prefix`.
        cache_dir: Fetched artifacts on this machine; every file in it is hashed again before use.
        chunk_bytes: A new blob's size at most; blobs of existing artifacts may have any size.
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
        """The artifact of a spec, if it exists and is whole.

        Raises:
            IdentityDrift: If the record at its path has another identity.
            ArtifactDamaged: If a blob is missing, cut or changed.
        """
        try:
            record = self.records.read(spec.path)
        except FileNotFoundError:
            return None
        check_identity(record, spec.identity)
        check_whole(self.blobs, record, self.n_threads)
        return record.ref

    def record(self, ref: ArtifactRef) -> Record:
        """The record of a published artifact, also of one that was rebuilt since with other bytes.

        Raises:
            ArtifactMissing: If it does not exist.
            ArtifactDamaged: If it has another content than the reference.
        """
        try:
            record = self.records.read(ref.path)
        except FileNotFoundError as error:
            raise ArtifactMissing(f"no artifact {ref.path} in {self.url}; rerun its stage to build it.") from error
        if record.digest == ref.digest:
            return record
        if earlier := self.records.read_earlier(ref):
            return earlier
        raise ArtifactDamaged(
            f"artifact {ref.path} in {self.url} has digest {record.digest[:12]}, the reference has "
            f"{ref.digest[:12]}; it was rebuilt or changed since. Start the run again from the stage that made it."
        )

    def lineage(self, ref: ArtifactRef) -> list[Record]:
        """The artifact and all its sources, sources first, each once."""
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

    def fetch(self, ref: ArtifactRef, folder: Path | None = None) -> Path:
        """A local folder with the artifact's files, every byte hashed against the record.

        Args:
            ref: The artifact.
            folder: Where its files go; by default this machine's cache.

        Raises:
            ArtifactMissing: If it does not exist.
            ArtifactDamaged: If a blob is missing or hashes to something else.
            NoSpace: If the disk is too full; no incomplete file is left.
        """
        record = self.record(ref)
        folder = folder or self.cache_dir / ref.path
        Download(self.blobs, folder, ref.path, self.n_threads).receive(record.files)
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

        If a whole artifact of the same identity exists, it stays: its reference is returned, and a build with other
        bytes is only counted.

        Args:
            spec: Identity of the artifact.
            folder: Its files; nothing in it is changed.
            facts: Numbers for the record.
            seconds: Wall time of the work.
            stop: Stops the publication when another thread sets it.
            meter: Read after the upload, for the machine time and dollars in the record; without one there are none.
            requested_by: The run that requested a rebuild: it replaces the existing artifact, which is kept.

        Raises:
            ArtifactDamaged: If the store returns other bytes than were sent.
            PublicationStopped: If it was stopped before its record was written.
        """
        stop = stop or Stop()
        upload = Upload(Blobs(self.objects, stop.check), folder, spec.path, self.chunk_bytes, self.n_threads)
        files = upload.send()
        upload.verify(files)
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
            ref = commit_record(self.blobs, self.records, record, self.n_threads)
        if ref.digest == record.digest:
            upload.resend_missing(files)
        return ref

    def probe(self) -> Capabilities:
        """Check that the store can be written, and find what its server enforces.

        Raises:
            UnwritableStore: If it cannot be written, read, listed or cleaned up.
        """
        return probe_objects(open_objects(self.url, N_PROBE_ATTEMPTS))


def open_store() -> Store:
    """The store the environment names."""
    return Store(store_url(), state_dir() / "cache")


def existing_store() -> Store:
    """The environment's store, for commands that read what is in it.

    Raises:
        StoreError: If it is a folder that does not exist: a misspelled one would seem empty.
    """
    store = open_store()
    if "://" not in store.url and not Path(store.url).is_dir():
        raise StoreError(f"store {store.url} is no folder; the first run makes it, HINDSIGHT_STORE names another.")
    return store
