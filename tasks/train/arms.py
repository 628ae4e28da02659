"""The two arms: adapters on one GPU or on several, each with the whole base; or every weight, split among GPUs."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.common.settings import UNLESS_DEFAULT, Config
from tasks.train.trainer.settings import MasterWeights

TargetName = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")]
ExpertKernels = Literal["scattermoe", "sonicmoe", "none"]

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
"""Gated attention: one layer in four."""
DELTA_NET = ("in_proj_qkv", "in_proj_z", "out_proj")
"""Gated DeltaNet: the other three."""
SHARED_EXPERT = ("gate_proj", "up_proj", "down_proj")
VOCABULARY = ("embed_tokens", "lm_head")
ROUTED_EXPERTS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")
"""Fused 3-D parameters: no module has their name, so that target_modules cannot reach them."""


class LoraArm(Config):
    """Low-rank adapters and their targets, on one GPU or, by DDP, on several of a node."""

    kind: Literal["lora"] = "lora"
    n_ranks: int = Field(1, ge=1, le=64, json_schema_extra=UNLESS_DEFAULT)
    """Processes, one per GPU. Each holds the whole base and takes its share of a step's rows; gradients are averaged.
    A step takes micro_batch_size x gradient_accumulation_steps x n_ranks rows."""
    rank: int = Field(16, ge=1, le=512)
    """Inner width of every adapter."""
    alpha: int = Field(32, ge=1, le=1024)
    """Scale: an adapter's product is multiplied by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of an adapter's inputs set to zero; adapters on fused parameters cannot drop any."""
    target_modules: tuple[TargetName, ...] = Field((*ATTENTION, *DELTA_NET, *SHARED_EXPERT, *VOCABULARY), min_length=1)
    """Names of linear and embedding modules, matched as PEFT does: the whole name or its end after a dot."""
    target_parameters: tuple[TargetName, ...] = ROUTED_EXPERTS
    """Names of fused parameters, matched in the same way."""
    expert_kernels: ExpertKernels = "none"
    """Kernels of the routed experts and the adapters on them; with `none`, PEFT adds each adapter's product to a whole
    layer's experts in every pass."""
    cut_cross_entropy: bool = False
    """Compute the loss without holding the logits of the whole vocabulary."""

    @property
    def cuts_adapted_head(self) -> bool:
        """Whether cut cross entropy computes with an adapter on the output layer."""
        return self.cut_cross_entropy and "lm_head" in self.target_modules


class FullWeightArm(Config):
    """Every weight, sharded over the GPUs of one node by FSDP2."""

    kind: Literal["full-weight"] = "full-weight"
    n_ranks: int = Field(8, ge=2, le=64)
    """Processes, one per GPU; weights, gradients and moments are split among them."""
    master_weights: MasterWeights = "fp32"
    """How small steps survive rounding: weights in fp32 beside bf16 arithmetic, or bf16 weights whose steps are rounded
    at random. `none` rounds bf16 weights to nearest, as the reference did; preflight refuses it, and the update audit
    ends a run whose weights do not change."""
    reshard_after_forward: bool = True
    """Free a layer's gathered weights after its forward pass, and gather them again for the backward pass."""
    sync_each_batch: bool = True
    """Reduce gradients after every forward pass; without it, accumulation keeps them whole on every GPU."""
    expert_kernels: ExpertKernels = "scattermoe"
    """Kernels of the routed experts; `none` uses PyTorch's own operations."""
    cut_cross_entropy: bool = True
    """Compute the loss without holding the logits of the whole vocabulary."""

    @model_validator(mode="before")
    @classmethod
    def _check_former_key(cls, values: Any) -> Any:
        if isinstance(values, dict) and "masters" in values:
            raise ValueError("arm.masters is now called arm.master_weights")
        return values
