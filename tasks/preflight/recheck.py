"""Repeats, for a recipe that passed before, the checks that depend on the machine, the store and today's prices."""

import logging
from collections.abc import Mapping

from tasks.adapter_release import AdapterRelease
from tasks.preflight.checks import Inputs, changeable_checks, limit_checks
from tasks.preflight.write import log_and_raise
from tasks.recipe import Recipe
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tasks.train.pipeline.state_store import KIND as TRAIN_STATE

log = logging.getLogger(__name__)


def recheck(recipe: Recipe, refs: Mapping[str, ArtifactRef], store: Store) -> None:
    """Check machine, store and money again, unless every training of the recipe is in the store. Publishes nothing.

    A training with states in the store has started and occupies the disk space it needs: disk space is not checked
    again then.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    missing = _missing_trainings(recipe, refs, store)
    if not missing:
        return
    has_started = any(_has_states(spec, store) for spec in missing)
    log.info("preflight passed before; checking what may have changed%s", ", except disk space" * has_started)
    inputs = Inputs.of(recipe, {name: store.fetch(ref) for name, ref in refs.items()}, store)
    log_and_raise([*changeable_checks(inputs, with_disk_space=not has_started), *limit_checks(inputs.run)])


def recheck_release(release: AdapterRelease, refs: Mapping[str, ArtifactRef], store: Store) -> None:
    """The same for a release; once its first training has begun, without the disk space.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    from tasks.preflight.release import ReleaseInputs
    from tasks.preflight.release import changeable_checks as changeable_release_checks

    first = TRAIN.spec(release.training("sft"), {"base": refs["base"], "corpus": refs["chat_rows"]})
    has_started = _exists(first, store) or _has_states(first, store)
    log.info("preflight passed before; checking what may have changed%s", ", except disk space" * has_started)
    inputs = ReleaseInputs.of(release, {name: store.fetch(ref) for name, ref in refs.items()}, store)
    log_and_raise(list(changeable_release_checks(inputs, with_disk_space=not has_started)))


def _missing_trainings(recipe: Recipe, refs: Mapping[str, ArtifactRef], store: Store) -> list[ArtifactSpec]:
    corpora = [refs[name] for name in ("corpus", "placebo") if name in refs]
    specs = [TRAIN.spec(recipe.train, {"base": refs["base"], "corpus": corpus}) for corpus in corpora]
    return [spec for spec in specs if not _exists(spec, store)]


def _exists(spec: ArtifactSpec, store: Store) -> bool:
    try:
        store.records.read(spec.path)
    except FileNotFoundError:
        return False
    return True


def _has_states(spec: ArtifactSpec, store: Store) -> bool:
    return any(store.objects.list(f"{TRAIN_STATE}/{spec.key}/"))
