"""What is asked though a recipe has passed: its machine, store and prices of now are not those it passed on."""

import logging
from collections.abc import Sequence

from tasks.preflight.checks import Inputs, checks_of_now, limit_checks
from tasks.preflight.write import say_and_refuse
from tasks.store.refs import ArtifactSpec
from tasks.store.store import Store
from tasks.train.pipeline.state_store import KIND as TRAIN_STATE

log = logging.getLogger(__name__)


def refuse_what_changed(inputs: Inputs, missing: Sequence[ArtifactSpec]) -> None:
    """Check machine, store and money again; nothing is published.

    Args:
        inputs: What the checks look at.
        missing: The trainings to come. One with states in the store is under way, and fills the room it was given:
            room is not asked of it again.

    Raises:
        PreflightFailed: With every failed check's sentence.
    """
    under_way = any(_has_states(spec, inputs.store) for spec in missing)
    log.info("preflight: passed before; what may have changed since is asked again%s", ", room apart" * under_way)
    say_and_refuse([*checks_of_now(inputs, with_room=not under_way), *limit_checks(inputs.subject)])


def _has_states(spec: ArtifactSpec, store: Store) -> bool:
    return any(store.objects.list(f"{TRAIN_STATE}/{spec.key}/"))
