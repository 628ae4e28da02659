"""Preflight's artifact: the checks a recipe passed. Its config is the whole recipe."""

from collections.abc import Mapping

from pydantic import JsonValue

from tasks.recipe import Recipe
from tasks.store.refs import ArtifactRef, Plan, Room

REVISION = 3
"""Raised when the same recipe would be checked otherwise."""


class CheckedRecipe(Recipe):
    """A recipe as preflight sees it: pools and deadlines, which change no other artifact's bytes, decide its checks."""

    def identity(self) -> dict[str, JsonValue]:
        """All that is checked; only the name is nobody's business."""
        return super().identity() | {
            "train": self.train.model_dump(mode="json"),
            "route": self.route.model_dump(mode="json"),
        }


class PreflightRoom(Room[Recipe]):
    """Plans by all that is checked: what passed for one pool has not passed for another."""

    def plan(self, config: Recipe, inputs: Mapping[str, ArtifactRef] | None = None) -> Plan:
        """The checks of this recipe on these inputs."""
        return super().plan(CheckedRecipe.model_validate(config.model_dump()), inputs)


ROOM = PreflightRoom(
    kind="preflight",
    revision=REVISION,
    label=lambda recipe, inputs: f"{inputs['corpus'].label}-{recipe.train.arm.kind}",
)
