"""Preflight's artifact: the checks a recipe passed. Its config is the whole recipe."""

from tasks.recipe import Recipe
from tasks.store.refs import Room

REVISION = 2
"""Raised when the same recipe would be checked otherwise."""

ROOM = Room[Recipe](
    kind="preflight", revision=REVISION, label=lambda recipe, inputs: f"{inputs['corpus'].label}-{recipe.train.arm}"
)
