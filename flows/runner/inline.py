"""Runs a pipeline in this process, without a server."""

import logging
import time

from flows.pipelines.pipeline import Pipeline
from flows.server.arguments import stage_arguments
from flows.stages import STAGES
from flows.status import spec_of
from tasks.common.logs import About, lines_about
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store

log = logging.getLogger(__name__)


def run_inline(pipeline: Pipeline) -> dict[str, ArtifactRef]:
    """Run every step here, one after the other.

    Returns:
        The artifact of each step, by the step's name.

    Raises:
        HindsightError: In one sentence: what was refused, and why.
    """
    open_store().probe()
    refs = pipeline.known
    for step in pipeline.steps:
        started = time.monotonic()
        inputs = {name: refs[source] for name, source in step.inputs.items()}
        publish = STAGES[step.stage].publish.fn
        with lines_about(About(stage=step.stage, artifact=spec_of(step, refs).key)):
            refs[step.name] = publish(**stage_arguments(publish, step.config, inputs))
        log.info("%s: %s after %.1f s", step.name, refs[step.name].path, time.monotonic() - started)
    return refs
