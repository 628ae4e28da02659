"""The preflight stages' Prefect tasks."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.adapter_release import AdapterRelease
from tasks.audit import Audit
from tasks.embed.config import ARTIFACT_TYPE as EMBED
from tasks.preflight.artifact import ARTIFACT_TYPE, AUDIT_TYPE, RELEASE_TYPE
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Embeddings
from tasks.schemas.scores import ModelName
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="preflight", cache_policy=NO_CACHE)
def publish_preflight(
    config: Recipe,
    base: ArtifactRef,
    corpus: ArtifactRef,
    panel: ArtifactRef,
    placebo: ArtifactRef | None = None,
    items: ArtifactRef | None = None,
) -> ArtifactRef:
    """Publish the checks a recipe passed. If the store has them, repeat those whose results may have changed.

    Args:
        config: The whole recipe.
        base: The base model.
        corpus: The corpus.
        panel: The panel.
        placebo: The corpus from after the cutoff, where the recipe asks for one.
        items: The ProbeItems, where the recipe has probes.

    Returns:
        Reference to a Preflight.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    store = open_store()

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.preflight.checks import Inputs
        from tasks.preflight.write import write_preflight

        embedded = store.find(EMBED.spec(config.embed, {"panel": panel, "model": base}))
        states = Embeddings(store.fetch(embedded)) if embedded else None
        return write_preflight(Inputs.of(config, inputs, store, states), folder)

    named = {"base": base, "corpus": corpus, "panel": panel, "placebo": placebo, "items": items}
    refs = {name: ref for name, ref in named.items() if ref}
    spec = ARTIFACT_TYPE.spec(config, refs)
    if store.find(spec):
        from tasks.preflight.recheck import recheck

        recheck(config, refs, store)
    return build(store, spec, make)


@task(name="preflight_audit", cache_policy=NO_CACHE)
def publish_preflight_audit(
    config: Audit, panel: ArtifactRef, models: dict[ModelName, ArtifactRef], items: ArtifactRef | None = None
) -> ArtifactRef:
    """Publish the checks an audit passed. If the store has them, repeat those whose results may have changed.

    Args:
        config: The whole audit.
        panel: The panel.
        models: The models by name.
        items: The ProbeItems, where the audit has probes.

    Returns:
        Reference to a Preflight.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    from tasks.preflight.audit import AuditInputs, changeable_checks, write_audit_checks
    from tasks.preflight.write import log_and_raise

    store, refs = open_store(), {"panel": panel, **models, **({"items": items} if items else {})}
    spec = AUDIT_TYPE.spec(config, refs)
    if store.find(spec):
        folders = {name: store.fetch(ref) for name, ref in refs.items()}
        log_and_raise(changeable_checks(AuditInputs.of(config, folders, store)))
    return build(store, spec, lambda inputs, folder: write_audit_checks(AuditInputs.of(config, inputs, store), folder))


@task(name="preflight_release", cache_policy=NO_CACHE)
def publish_preflight_release(
    config: AdapterRelease, base: ArtifactRef, chat_rows: ArtifactRef, preference_rows: ArtifactRef
) -> ArtifactRef:
    """Publish the checks a release passed. If the store has them, repeat those whose results may have changed.

    Args:
        config: The whole release.
        base: The base model.
        chat_rows: The tokenized conversations.
        preference_rows: The tokenized preference pairs.

    Returns:
        Reference to a Preflight.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    from tasks.preflight.release import ReleaseInputs, write_release_checks

    store = open_store()
    refs = {"base": base, "chat_rows": chat_rows, "preference_rows": preference_rows}
    spec = RELEASE_TYPE.spec(config, refs)
    if store.find(spec):
        from tasks.preflight.recheck import recheck_release

        recheck_release(config, refs, store)
    return build(
        store, spec, lambda inputs, folder: write_release_checks(ReleaseInputs.of(config, inputs, store), folder)
    )
