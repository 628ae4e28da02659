"""The demo's training, by itself, for a pool of an installation."""

from collections.abc import Mapping

from flows import stages
from flows.runner.request import StageRequest
from tasks.base.task import publish_base
from tasks.common.settings import project_root
from tasks.corpus.task import publish_corpus
from tasks.recipe import load_recipe
from tasks.store.refs import ArtifactSpec
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tests.local_stack import deploy


def demo_spec() -> ArtifactSpec:
    """A training whose inputs are in the environment's store; a state is due only hours after its end."""
    smoke = load_recipe(project_root() / "configs" / "smoke.yaml")
    inputs = {"base": publish_base.fn(smoke.base), "corpus": publish_corpus.fn(smoke.corpus)}
    return TRAIN.spec(smoke.train.model_copy(update={"checkpoint_minutes": 600.0}), inputs)


def deployed(name: str, spec: ArtifactSpec, variables: Mapping[str, str]) -> StageRequest:
    """The stage as a deployment of its own on the pool h100; what its parent sends, once more after a crash.

    Args:
        name: Of the deployment.
        spec: The training.
        variables: Of its runs' environment, which replaces the pool's.
    """
    deploy(stages.train, name, "h100", variables)
    return StageRequest("train", f"train/{name}", spec, "of this test", n_retries=1)
