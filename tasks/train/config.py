"""How a base model is trained; axolotl's YAML is made from this."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.common.settings import NOT_IDENTITY, UNLESS_DEFAULT, Config
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.objectives import ChatObjective, PreferenceObjective, TextObjective

Objective = Annotated[
    TextObjective | ChatObjective | PreferenceObjective, Field(discriminator="kind", json_schema_extra=UNLESS_DEFAULT)
]


class TrainConfig(Config):
    """One training arm: what is trained, on how many tokens, how fast."""

    arm: Annotated[LoraArm | FullWeightArm, Field(discriminator="kind")] = LoraArm()
    """Adapters, or every weight."""
    objective: Objective = TextObjective()
    """Text of a corpus, or conversations or preference pairs that the align stage has tokenized."""
    token_budget: int = Field(62_500_000, ge=1_000, le=10**13)
    """Tokens of text to train on; steps follow from it. Tokens seen must equal it. Of conversations and pairs all are
    trained on, objective.epochs times, so that it must be left out."""
    sequence_length: int = Field(2048, ge=16, le=262_144)
    """Most tokens of a row; a longer conversation or pair ends the run before it starts."""
    packing: bool = False
    """Fill rows with several blocks of documents, separated by their positions; needs flash-linear-attention, without
    which one document's state leaks into the next. Unpacked, a row is one block of one document, or one example."""
    micro_batch_size: int = Field(1, ge=1, le=1024)
    """Rows per forward pass and GPU."""
    gradient_accumulation_steps: int = Field(8, ge=1, le=4096)
    """Forward passes per optimizer step."""
    learning_rate: float = Field(2e-5, gt=0, le=1)
    """Peak learning rate."""
    embedding_learning_rate: float = Field(2e-6, gt=0, le=1)
    """Peak learning rate of embed_tokens and lm_head, or of the adapters on them."""
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    """Shape of the learning rate after the warm-up."""
    warmup_ratio: float = Field(0.03, ge=0, le=0.5)
    """Share of the steps in which the learning rate rises."""
    optimizer: Literal["adamw_torch_fused", "adamw_torch", "adamw_bnb_8bit", "paged_adamw_8bit"] = "adamw_torch_fused"
    """AdamW in one kernel, step by step, or with 8-bit moments by bitsandbytes, which FSDP2's weights do not take."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """Number format of the base's weights and of the arithmetic."""
    kernels: Literal["fused", "plain"] = "fused"
    """Triton kernels, which need a GPU; or PyTorch's own operations, which run without one."""
    activation_checkpointing: bool = True
    """Recompute activations in the backward pass: a third slower, far less memory."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the adapters' first weights, of stochastic rounding, and of the order of conversations and pairs."""
    checkpoint_minutes: float = Field(30, gt=0, le=1_440, json_schema_extra=NOT_IDENTITY)
    """Time between two training states; each goes to the store while training goes on, the last two are kept."""
    first_checkpoint_minutes: float = Field(120, gt=0, le=10_080, json_schema_extra=NOT_IDENTITY)
    """A trainer whose first state has not reached the store by then is ended, before much is lost."""
    audit_after_steps: int = Field(50, ge=1, le=10**6, json_schema_extra=NOT_IDENTITY)
    """Optimizer steps after which the share of weights changed is measured; it is measured once more at the end."""
    min_share_changed: float = Field(0.5, ge=0, le=1, json_schema_extra=NOT_IDENTITY)
    """Smallest share of dense weights that must have changed by then; fewer end the run."""
    stall_minutes: int = Field(60, ge=1, le=1_440, json_schema_extra=NOT_IDENTITY)
    """A trainer that finishes no step for this long is ended."""
    deadline_minutes: int = Field(2_880, ge=1, le=43_200, json_schema_extra=NOT_IDENTITY)
    """A trainer that runs longer than this is ended."""

    @property
    def rows_per_step(self) -> int:
        """Rows that one optimizer step takes, over all ranks."""
        return self.micro_batch_size * self.gradient_accumulation_steps * self.arm.n_ranks

    @model_validator(mode="after")
    def _plain_kernels_are_alone(self) -> Self:
        if self.kernels == "plain" and (self.arm.expert_kernels != "none" or self.arm.cut_cross_entropy):
            raise ValueError(
                "kernels = 'plain' runs PyTorch's own operations alone; set arm.expert_kernels to none and "
                "arm.cut_cross_entropy to false, or kernels to fused"
            )
        return self

    @model_validator(mode="after")
    def _examples_are_whole_rows(self) -> Self:
        if self.objective.kind == "text":
            return self
        if self.token_budget != type(self).model_fields["token_budget"].default:
            raise ValueError(
                f"token_budget={self.token_budget} counts for objective text only: of objective {self.objective.kind} "
                "all rows are trained on, objective.epochs times; leave token_budget out"
            )
        if self.packing:
            raise ValueError(f"objective {self.objective.kind} has one example per row; set packing to false")
        return self

    @model_validator(mode="after")
    def _preference_fits_the_arm(self) -> Self:
        if self.objective.kind != "preference":
            return self
        if self.arm.kind != "lora":
            raise ValueError("objective preference takes the model without its adapters as reference; use the lora arm")
        if self.arm.cut_cross_entropy:
            raise ValueError("objective preference computes with whole logits; set arm.cut_cross_entropy to false")
        if self.arm.dropout:
            raise ValueError("TRL disables dropout for objective preference; set arm.dropout to 0")
        return self


def train_label(config: TrainConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: its corpus and the arm."""
    return f"{inputs['corpus'].label}-{config.arm.kind}"


REVISION = 3
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="train", revision=REVISION, label=train_label)
