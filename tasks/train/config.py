"""How a base model is trained; axolotl's YAML is made from this."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tasks.settings import NOT_IDENTITY, Config
from tasks.store.refs import ArtifactRef, Room

TargetName = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")]

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
"""Gated attention: one layer in four."""
DELTA_NET = ("in_proj_qkv", "in_proj_z", "out_proj")
"""Gated DeltaNet: the other three."""
SHARED_EXPERT = ("gate_proj", "up_proj", "down_proj")
VOCABULARY = ("embed_tokens", "lm_head")
ROUTED_EXPERTS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")
"""Fused 3-D parameters: no module bears their name, so that target_modules cannot reach them."""


class LoraConfig(Config):
    """Low-rank adapters and what they are put on."""

    rank: int = Field(16, ge=1, le=512)
    """Inner width of every adapter."""
    alpha: int = Field(32, ge=1, le=1024)
    """Scale: an adapter's product is multiplied by alpha / rank."""
    dropout: Literal[0] = 0
    """Fixed: adapters on fused parameters cannot drop inputs."""
    target_modules: tuple[TargetName, ...] = Field((*ATTENTION, *DELTA_NET, *SHARED_EXPERT, *VOCABULARY), min_length=1)
    """Names of linear and embedding modules, matched as PEFT does: the whole name or its end after a dot."""
    target_parameters: tuple[TargetName, ...] = ROUTED_EXPERTS
    """Names of fused parameters, matched alike."""


class TrainConfig(Config):
    """One training arm: what is trained, on how many tokens, how fast."""

    arm: Literal["lora"] = "lora"
    """Low-rank adapters on one GPU."""
    token_budget: int = Field(62_500_000, ge=1_000, le=10**13)
    """Tokens to train on; steps follow from it. Tokens seen must equal it."""
    sequence_length: int = Field(2048, ge=16, le=262_144)
    """Tokens per block; a block never crosses a document."""
    micro_batch_size: int = Field(1, ge=1, le=1024)
    """Blocks per forward pass."""
    gradient_accumulation_steps: int = Field(8, ge=1, le=4096)
    """Forward passes per optimizer step."""
    learning_rate: float = Field(2e-5, gt=0, le=1)
    """Peak learning rate."""
    embedding_learning_rate: float = Field(2e-6, gt=0, le=1)
    """Peak learning rate of what sits on embed_tokens and lm_head."""
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    """Course of the learning rate after the warm-up."""
    warmup_ratio: float = Field(0.03, ge=0, le=0.5)
    """Share of the steps in which the learning rate rises."""
    lora: LoraConfig = LoraConfig()
    """Adapters."""
    optimizer: Literal["adamw_torch_fused", "adamw_torch"] = "adamw_torch_fused"
    """AdamW in one kernel, or step by step."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """Number format of the base's weights and of the arithmetic."""
    kernels: Literal["fused", "plain"] = "fused"
    """Axolotl's Triton kernels for LoRA, or PyTorch's own operations, which run without a GPU."""
    activation_checkpointing: bool = True
    """Recompute activations in the backward pass: a third slower, far less memory."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the adapters' first weights."""
    stall_minutes: int = Field(60, ge=1, le=1_440, json_schema_extra=NOT_IDENTITY)
    """A trainer that finishes no step for this long is ended."""
    deadline_minutes: int = Field(2_880, ge=1, le=43_200, json_schema_extra=NOT_IDENTITY)
    """A trainer that runs longer than this is ended."""


def train_label(config: TrainConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: its corpus and the arm."""
    return f"{inputs['corpus'].label}-{config.arm}"


REVISION = 1
"""Raised when the same input would give other bytes."""
ROOM = Room(kind="train", revision=REVISION, label=train_label)
