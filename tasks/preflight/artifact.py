"""Preflight's artifact: the checks a recipe passed. Its config is the whole recipe."""

from collections.abc import Mapping

from pydantic import JsonValue

from tasks.recipe import Recipe
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType
from tasks.store.store import Store
from tasks.train.config import ARTIFACT_TYPE as TRAIN

REVISION = 4
"""Raised when the same recipe would be checked otherwise."""


class CheckedRecipe(Recipe):
    """A recipe as preflight sees it: pools and deadlines, which change no other artifact's bytes, decide its checks."""

    def identity(self) -> dict[str, JsonValue]:
        """All that is checked; only the name is nobody's business."""
        return super().identity() | {
            "train": self.train.model_dump(mode="json"),
            "route": self.route.model_dump(mode="json"),
        }


class PreflightType(ArtifactType[Recipe]):
    """Plans by all that is checked: what passed for one pool has not passed for another."""

    def spec(self, config: Recipe, inputs: Mapping[str, ArtifactRef] | None = None) -> ArtifactSpec:
        """The checks of this recipe on these inputs."""
        return super().spec(CheckedRecipe.model_validate(config.model_dump()), inputs)


ARTIFACT_TYPE = PreflightType(
    kind="preflight",
    revision=REVISION,
    label=lambda recipe, inputs: f"{inputs['corpus'].label}-{recipe.train.arm.kind}",
)


def missing_trainings(recipe: Recipe, refs: Mapping[str, ArtifactRef], store: Store) -> list[ArtifactSpec]:
    """The recipe's trainings that the store does not have: without one, nothing is left to be refused.

    Args:
        recipe: The whole recipe.
        refs: Preflight's inputs by name.
        store: Where checkpoints lie.
    """
    texts = [refs[name] for name in ("corpus", "placebo") if name in refs]
    plans = [TRAIN.spec(recipe.train, {"base": refs["base"], "corpus": text}) for text in texts]
    return [spec for spec in plans if not _stands(spec, store)]


def _stands(spec: ArtifactSpec, store: Store) -> bool:
    try:
        store.records.read(spec.path)
    except FileNotFoundError:
        return False
    return True
