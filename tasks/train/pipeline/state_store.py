"""Training states in the store: a retry resumes from the newest whole one, on any machine."""

import logging
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import Field, JsonValue

from tasks.common.settings import Config
from tasks.store.catalogue import record_paths
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError
from tasks.store.forget import forget
from tasks.store.publication import Stop
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store

log = logging.getLogger(__name__)

KIND = "train-state"
SPENT = "trainer_seconds"
"""Fact of a state: wall seconds of all attempts' trainers up to its upload, as far as earlier states record them."""
REVISION = 1
"""Raised when the files of a state would mean something else."""
KEEP = 2
"""The newest may be found damaged; then the one before it is used."""


class StateConfig(Config):
    """Which state of a training it is."""

    step: int = Field(ge=1)
    """Optimizer steps done."""
    attempt: str
    """The attempt that wrote it: a retry writes states of its own, so that a damaged one does not block them."""


class States:
    """The states of one planned training.

    Args:
        store: Where they are.
        spec: The checkpoint they lead to; its key is their label.
    """

    def __init__(self, store: Store, spec: ArtifactSpec) -> None:
        self.store = store
        self.spec = spec
        self.attempt = uuid.uuid4().hex[:16]
        self.published_steps: list[int] = []
        self.damaged: set[str] = set()

    @property
    def n_published(self) -> int:
        """States that this attempt has in the store, pruned ones included."""
        return len(self.published_steps)

    def latest(self) -> Path | None:
        """Fetch the newest whole state; states fetched earlier for this spec are removed from the cache.

        Another attempt may publish and prune meanwhile: the store is listed anew as long as states appear.

        Returns:
            A folder of the cache, every byte of it hashed; None if there is no state. A damaged one is skipped with a
            warning and counted in `damaged`; if none of several could be used, that is an error in the log.

        Raises:
            StoreUnreachable: If the store does not answer: training from the start instead would cost more.
            NoSpace: If the disk is too full for it.
        """
        tried: set[str] = set()
        while new := [record for record in self._newest_first() if record.ref.path not in tried]:
            for record in new:
                tried.add(record.ref.path)
                try:
                    return self._only_cached(self.store.fetch(record.ref))
                except ArtifactMissing:
                    # Another attempt prunes after it has published: newer states may exist by now.
                    log.warning("train: state %s was removed while it was looked for", record.ref.path)
                    break
                except ArtifactDamaged as error:
                    self._count_damaged(record.ref.path, error)
        if unusable := sorted(tried | self.damaged):
            log.error("train: starts from step 0, because all states are damaged or gone: %s", unusable)
        return None

    def spent_seconds(self) -> float:
        """Most seconds that any state records, damaged ones included: their time was paid as well.

        Raises:
            StoreUnreachable: If the store does not answer.
        """
        recorded = [record.facts.get(SPENT) for record in self._readable()]
        return max((float(seconds) for seconds in recorded if isinstance(seconds, int | float)), default=0.0)

    def publish(self, folder: Path, step: int, facts: Mapping[str, JsonValue], stop: Stop | None = None) -> ArtifactRef:
        """Send a state and read it back; it counts when its record is written.

        Args:
            folder: Its files.
            step: Optimizer steps done.
            facts: Numbers for the record.
            stop: Stops the upload when another thread sets it.

        Raises:
            PublicationStopped: If it was stopped before its record was written.
        """
        config = StateConfig(step=step, attempt=self.attempt)
        spec = ArtifactSpec(KIND, self.spec.key, REVISION, config, self.spec.inputs)
        ref = self.store.publish(spec, folder, {"step": step, **facts}, seconds=0, stop=stop)
        self.published_steps.append(step)
        return ref

    def prune(self, keep: int = KEEP) -> None:
        """Forget all but the newest whole states, and those found damaged."""
        newest = self._newest_first()
        for record in [*newest[keep:], *self._readable_damaged()]:
            forget(self.store, record.ref)

    def drop(self) -> None:
        """Forget all states, in the cache and in the store: their checkpoint exists. A failure is a warning."""
        shutil.rmtree(self.store.cache_dir / KIND / self.spec.key, ignore_errors=True)
        try:
            self.prune(keep=0)
        except (StoreError, OSError) as error:
            log.warning(
                "train: states of %s are left in %s, though its checkpoint exists: %s; `hindsight store forget` "
                "removes them",
                self.spec.path,
                self.store.url,
                error,
            )

    def _only_cached(self, folder: Path) -> Path:
        for sibling in folder.parent.iterdir():
            if sibling != folder:
                shutil.rmtree(sibling, ignore_errors=True)
        return folder

    def _newest_first(self) -> list[Record]:
        """Records of the states not known to be damaged; of equal steps the one written last comes first."""
        whole = [record for record in self._readable() if record.ref.path not in self.damaged]
        return sorted(whole, key=lambda record: (_step(record), record.finished_at), reverse=True)

    def _readable(self) -> list[Record]:
        """Records of all states; one that cannot be read counts as damaged."""
        found = []
        for path in self._paths():
            with suppress(FileNotFoundError):  # removed between the listing and now
                try:
                    found.append(self.store.records.read(path))
                except ArtifactDamaged as error:
                    self._count_damaged(path, error)
        return found

    def _paths(self) -> list[str]:
        return [path for path in record_paths(self.store, KIND) if path.split("/")[1] == self.spec.key]

    def _count_damaged(self, path: str, error: Exception) -> None:
        if path not in self.damaged:
            log.warning("train: state %s is skipped, an older one is taken: %s", path, error)
            self.damaged.add(path)

    def _readable_damaged(self) -> list[Record]:
        """Records of damaged states. A record that cannot be read is removed; `gc` finds its blobs."""
        readable = []
        for path in self.damaged & set(self._paths()):
            try:
                readable.append(self.store.records.read(path))
            except ArtifactDamaged:
                self.store.objects.delete(self.store.records.name_of(path))
        return readable


def _step(record: Record) -> int:
    return StateConfig.model_validate(record.config).step
