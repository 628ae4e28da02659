"""Preflight's artifact type: the checks a recipe passed. Its config is the whole recipe."""

from collections.abc import Mapping

from pydantic import JsonValue

from tasks.recipe import Recipe
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType

REVISION = 8
"""Raised when the same recipe is checked differently."""


class CheckedRecipe(Recipe):
    """A recipe whose identity includes pools and deadlines: they change the checks, though no other artifact."""

    def identity(self) -> dict[str, JsonValue]:
        """Everything that is checked, so all but the name."""
        return super().identity() | {
            "train": self.train.model_dump(mode="json"),
            "route": self.route.model_dump(mode="json"),
        }


class PreflightType(ArtifactType[Recipe]):
    """Keys by everything that is checked: a recipe that passed for one pool may fail for another."""

    def spec(self, config: Recipe, inputs: Mapping[str, ArtifactRef] | None = None) -> ArtifactSpec:
        """The checks of this recipe on these inputs."""
        return super().spec(CheckedRecipe.model_validate(config.model_dump()), inputs)


ARTIFACT_TYPE = PreflightType(
    kind="preflight",
    revision=REVISION,
    label=lambda recipe, inputs: f"{inputs['corpus'].label}-{recipe.train.arm.kind}",
)
