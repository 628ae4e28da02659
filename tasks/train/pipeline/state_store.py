"""Training states in the store: the newest whole one is where a retry goes on, wherever it runs."""

import logging
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from pydantic import Field, JsonValue

from tasks.common.settings import Config
from tasks.store.catalogue import record_paths
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError
from tasks.store.forget import forget
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.stopping import Stop
from tasks.store.store import Store

log = logging.getLogger(__name__)

KIND = "train-state"
SPENT = "trainer_seconds"
"""Fact of a state: wall seconds of all attempts' trainers up to its upload, as far as earlier states told of them."""
REVISION = 1
"""Raised when the files of a state would mean something else."""
KEEP = 2
"""The newest may be found damaged; then the one before it counts."""


class StateConfig(Config):
    """Which state of a training it is."""

    step: int = Field(ge=1)
    """Optimizer steps done."""
    attempt: str
    """The attempt that wrote it: a retry writes states of its own, and none of them is held back by a damaged one."""


class States:
    """The states of one planned training.

    Args:
        store: Where they lie.
        spec: The checkpoint they lead to; its key is their label.
    """

    def __init__(self, store: Store, spec: ArtifactSpec) -> None:
        self.store = store
        self.spec = spec
        self.attempt = uuid.uuid4().hex[:16]
        self.n_published = 0
        self.damaged: set[str] = set()

    def latest(self) -> Path | None:
        """Fetch the newest whole state; what was fetched earlier for this spec leaves the cache.

        Another attempt may publish and prune meanwhile: the store is asked again as long as states appear.

        Returns:
            A folder of the cache, every byte of it hashed; None if there is no state. One that is damaged is skipped
            with a warning and counted in `damaged`; that none of several could be used is an error in the log.

        Raises:
            StoreUnreachable: If the store gives no answer: to train from the start for that would cost more.
            NoSpace: If the disk is too full for it.
        """
        tried: set[str] = set()
        while new := [record for record in self._newest_first() if record.ref.path not in tried]:
            for record in new:
                tried.add(record.ref.path)
                try:
                    return self._only_cached(self.store.fetch(record.ref))
                except ArtifactMissing:
                    # Newer ones may stand there by now: they are why this one was removed.
                    log.warning("train: state %s was removed while it was looked for", record.ref.path)
                    break
                except ArtifactDamaged as error:
                    self._count_damaged(record.ref.path, error)
        if unusable := sorted(tried | self.damaged):
            log.error("train: starts from step 0, for no state could be used, all being damaged or gone: %s", unusable)
        return None

    def _only_cached(self, folder: Path) -> Path:
        for sibling in folder.parent.iterdir():
            if sibling != folder:
                shutil.rmtree(sibling, ignore_errors=True)
        return folder

    def spent_seconds(self) -> float:
        """Seconds that the states in the store tell of, those of damaged states too: their time was paid as well.

        Raises:
            StoreUnreachable: If the store gives no answer.
        """
        told = [record.facts.get(SPENT) for record in self._readable()]
        return max((float(seconds) for seconds in told if isinstance(seconds, int | float)), default=0.0)

    def publish(self, folder: Path, step: int, facts: dict[str, JsonValue], stop: Stop | None = None) -> ArtifactRef:
        """Send a state and read it back; it counts when its record is written.

        Args:
            folder: Its files.
            step: Optimizer steps done.
            facts: Numbers for the record.
            stop: Gives it up when another thread sets it.

        Raises:
            PublicationStopped: If it was stopped before its record was written.
        """
        spec = ArtifactSpec(
            KIND, self.spec.key, REVISION, StateConfig(step=step, attempt=self.attempt), self.spec.inputs
        )
        ref = self.store.publish(spec, folder, {"step": step, **facts}, seconds=0, stop=stop)
        self.n_published += 1
        return ref

    def prune(self, keep: int = KEEP) -> None:
        """Forget all but the newest whole states, and those found damaged."""
        newest = self._newest_first()
        damaged = self._readable_damaged()
        for record in [*newest[keep:], *damaged]:
            forget(self.store, record.ref)

    def drop(self) -> None:
        """Forget all states, here and in the store: their checkpoint stands. What cannot be removed is a warning."""
        shutil.rmtree(self.store.cache_dir / KIND / self.spec.key, ignore_errors=True)
        try:
            self.prune(keep=0)
        except (StoreError, OSError) as error:
            log.warning(
                "train: states of %s are left in %s, though its checkpoint stands: %s; `python -m tasks.store forget` "
                "removes them",
                self.spec.path,
                self.store.url,
                error,
            )

    def _newest_first(self) -> list[Record]:
        """Records of the states not known to be damaged; of equal steps the one written last comes first."""
        whole = [record for record in self._readable() if record.ref.path not in self.damaged]
        return sorted(whole, key=lambda record: (_step(record), record.finished_at), reverse=True)

    def _readable(self) -> list[Record]:
        """Records of all states, but for those that cannot be read: they are damaged."""
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
        """Records of damaged states. One that cannot be read is removed: its blobs are found by `gc`."""
        readable = []
        for path in self.damaged & set(self._paths()):
            try:
                readable.append(self.store.records.read(path))
            except ArtifactDamaged:
                self.store.objects.delete(self.store.records.name_of(path))
        return readable


def _step(record: Record) -> int:
    return StateConfig.model_validate(record.config).step
