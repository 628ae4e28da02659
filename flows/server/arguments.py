"""A stage's arguments from its artifact's inputs, and back.

An artifact's inputs are one flat mapping. Each input is the argument of its name; a stage that takes any number of
inputs has a parameter MODELS, a mapping with all those that are no parameter. Prefect's forms, validation and remote
runs have no variadic keywords: their schema would be that of a single value.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef

MODELS = "models"
T = TypeVar("T")


def stage_arguments(stage: Callable[..., Any], config: Config, inputs: Mapping[str, T]) -> dict[str, Any]:
    """The arguments of a stage's function or flow.

    Args:
        stage: Its function.
        config: Its config.
        inputs: References, or what stands for them, by input name.
    """
    parameters = inspect.signature(stage).parameters
    if MODELS not in parameters:
        return {"config": config, **inputs}
    named = {name: ref for name, ref in inputs.items() if name in parameters}
    return {"config": config, **named, MODELS: {name: ref for name, ref in inputs.items() if name not in parameters}}


def inputs_among(arguments: Mapping[str, Any]) -> dict[str, ArtifactRef]:
    """The references among a stage's arguments, by input name."""
    named = {name: value for name, value in arguments.items() if isinstance(value, ArtifactRef)}
    return {**named, **(arguments.get(MODELS) or {})}
