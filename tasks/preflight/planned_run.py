"""A training, or a whole recipe, with its base model's sizes: everything that determines its cost. Loads no weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from tasks.forward.causal import is_causal
from tasks.recipe import Recipe
from tasks.train.config import TrainConfig
from tasks.train.errors import TargetMatchesNothing, UntrainableBase
from tasks.train.estimates.memory import output_bytes, state_bytes
from tasks.train.estimates.sizes import Sizes, sizes_of
from tasks.train.estimates.targets import Coverage, coverage_of
from tasks.train.pipeline.axolotl_yaml import axolotl_config

if TYPE_CHECKING:
    from transformers import PretrainedConfig

NUMBER_BYTES = {"fp32": 4, "bf16": 2}


@dataclass(frozen=True)
class PlannedTraining:
    """One training with the sizes that follow from its base model's architecture.

    Args:
        train: The arm.
        pool: The pool it runs on.
        sizes: The base model's parameter counts and dimensions.
        settings: Axolotl's config.
        coverage: Weights matched by the adapters; None for full weight, or if an entry matches no weight.
        unmatched: The error message, if an entry matches no weight.
        n_rows: Training rows, filler rows among them. A preference pair is two rows.
        n_tokens: Of all rows.
        base_number_bytes: Bytes of one of the base's numbers on disk.
    """

    train: TrainConfig
    pool: str
    sizes: Sizes
    settings: dict[str, JsonValue]
    coverage: Coverage | None
    unmatched: str
    n_rows: int
    n_tokens: int
    base_number_bytes: int

    @classmethod
    def of(
        cls,
        train: TrainConfig,
        pool: str,
        architecture: "PretrainedConfig",
        n_rows: int | None = None,
        n_tokens: int | None = None,
    ) -> "PlannedTraining":
        """Count on the meta device; without n_rows, rows are assumed to be full, without n_tokens the budget is meant.

        Raises:
            UntrainableBase: If the base is no causal language model, or its classes are not those of transformers.
        """
        _check_trainable(architecture)
        coverage, unmatched = _coverage(train, architecture)
        # Packing has its own rule and changes nothing here.
        settings = axolotl_config(train.model_copy(update={"packing": False}), n_steps=1)
        n_rows = n_rows or -(-train.token_budget // train.sequence_length)
        number_bytes = _number_bytes(architecture) or NUMBER_BYTES[train.precision]
        n_tokens = train.token_budget if n_tokens is None else n_tokens
        return cls(train, pool, sizes_of(architecture), settings, coverage, unmatched, n_rows, n_tokens, number_bytes)

    @property
    def n_trainable(self) -> int:
        """Trained parameters; 0 where the adapters' targets are wrong."""
        if self.train.arm.kind == "full-weight":
            return self.sizes.n_parameters
        return self.coverage.n_trainable if self.coverage else 0

    @property
    def needs_gpus(self) -> bool:
        """Training needs a pool's GPUs; plain kernels run on CPUs."""
        return self.train.kernels == "fused"

    @property
    def state_bytes(self) -> int:
        """Bytes of one training state."""
        return state_bytes(self.train, self.settings, self.n_trainable)

    @property
    def output_bytes(self) -> int:
        """Bytes of the checkpoint."""
        return output_bytes(self.train, self.settings, self.n_trainable)

    @property
    def base_bytes(self) -> int:
        """Bytes of the base model."""
        return self.base_number_bytes * self.sizes.n_parameters

    def merged_bytes(self, dtype: str) -> int:
        """Bytes of a merged model in a number format of MergeConfig."""
        return NUMBER_BYTES.get(dtype, self.base_number_bytes) * self.sizes.n_parameters


@dataclass(frozen=True)
class PlannedRun:
    """A recipe's training, merge and embeddings.

    Args:
        training: Of each arm.
        n_panel_rows: Sentences to embed.
    """

    recipe: Recipe
    training: PlannedTraining
    n_panel_rows: int

    @classmethod
    def of(
        cls, recipe: Recipe, architecture: "PretrainedConfig", n_panel_rows: int, n_rows: int | None = None
    ) -> "PlannedRun":
        """As PlannedTraining.of."""
        training = PlannedTraining.of(recipe.train, recipe.route.train, architecture, n_rows)
        return cls(recipe, training, n_panel_rows)

    @property
    def merged_bytes(self) -> int:
        """Bytes of a merged model."""
        return self.training.merged_bytes(self.recipe.merge.dtype)

    @property
    def n_trainings(self) -> int:
        """One training, and one more for a placebo."""
        return 1 + self.recipe.placebo


def _number_bytes(architecture: Any) -> int | None:
    """From the architecture's number format; None where it has none."""
    import torch

    named = architecture.dtype or architecture.get_text_config().dtype
    dtype = getattr(torch, str(named).removeprefix("torch."), None)
    return dtype.itemsize if isinstance(dtype, torch.dtype) else None


def _coverage(train: TrainConfig, architecture: Any) -> tuple[Coverage | None, str]:
    arm = train.arm
    if arm.kind == "full-weight":
        return None, ""
    try:
        return coverage_of(architecture, arm), ""
    except TargetMatchesNothing as error:
        return None, str(error)


def _check_trainable(architecture: "PretrainedConfig") -> None:
    what = f"the base is a {architecture.model_type}"
    if not type(architecture).__module__.startswith("transformers."):
        raise UntrainableBase(
            f"{what}, an architecture that the trainer's transformers has no classes for. Name a model of another one "
            "in base.source; an audit measures this one as it is."
        )
    if not is_causal(architecture):
        raise UntrainableBase(
            f"{what}, which is no causal language model, and training predicts the next token. Name a causal model in "
            "base.source; an audit measures other models too."
        )
