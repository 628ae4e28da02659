"""ChronoGPT as a model of transformers: a decoder with skip connections between its two halves, without the head.

The base stage converts its weights and writes the config (`tasks.base.pickles`). Importing this module registers both
classes, so that AutoConfig and AutoModelForCausalLM load such a folder.

Layers come in two halves; layer i of the second half adds the output of its mirror image in the first. Three value
embeddings are added to the attention's values in the first three and the last three layers. Norms have no weights.
Weights are stored in fp32 and the arithmetic is bf16: a linear layer's weights are cast, the scalars are not. There is
no attention mask: rows are padded on the right, where no earlier token sees it.

Source: He, Lv, Manela, Wu, "Chronologically consistent large language models", arXiv 2502.21206, and the inference code
in manelalab/chrono-gpt-v1-20181231; the layout is that of github.com/KellerJordan/modded-nanogpt of January 2025.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu, rms_norm, scaled_dot_product_attention
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPast

N_VALUE_EMBEDDINGS = 3
ROTARY_BASE = 1_024
"""Angles per position fall from 1 to its inverse over a quarter of a head's width; another quarter is not rotated."""


class ChronoGPTConfig(PretrainedConfig):  # type: ignore[misc]
    """Sizes of a model; `tasks.base.pickles` makes it from the authors' config."""

    model_type = "chrono_gpt"

    vocab_size: int = 50_304
    num_hidden_layers: int = 52
    num_attention_heads: int = 12
    hidden_size: int = 1_536
    max_position_embeddings: int = 1_792
    blocks_without_attention: list[int] | None = None


class ChronoGPT(PreTrainedModel):  # type: ignore[misc]
    """From token ids to the normed output of the last layer, which is the head's input."""

    config_class = ChronoGPTConfig
    base_model_prefix = ""
    _supports_sdpa = True
    _keep_in_fp32_modules_strict = ["lambdas", "skip_weights"]
    _keys_to_ignore_on_load_unexpected = [r"^lm_head\."]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        n_layers, width = config.num_hidden_layers, config.hidden_size
        skipped = set(config.blocks_without_attention or ())
        self.embed = nn.Embedding(config.vocab_size, width)
        self.blocks = nn.ModuleList(
            _Block(width, config.num_attention_heads, layer not in skipped) for layer in range(n_layers)
        )
        self.value_embeds = _ValueEmbeddings(config.vocab_size, width)
        self.skip_weights = nn.Parameter(torch.ones(n_layers - n_layers // 2))
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutputWithPast:
        """Args: input_ids, (n_rows, n_tokens), padded on the right; the mask has no effect."""
        n_layers = len(self.blocks)
        half = n_layers // 2
        first = x = _norm(self.embed(input_ids).bfloat16())
        values = self.value_embeds(input_ids)
        at_layer = dict(zip((*range(3), *range(n_layers - 3, n_layers)), values * 2, strict=True))
        skips: list[Tensor] = []
        for layer, block in enumerate(self.blocks):
            if layer >= half:
                x = x + self.skip_weights[layer - half] * skips.pop()
            x = block(x, at_layer.get(layer), first)
            if layer < half:
                skips.append(x)
        return BaseModelOutputWithPast(last_hidden_state=_norm(x))


class _ValueEmbeddings(nn.Module):
    def __init__(self, n_words: int, width: int) -> None:
        super().__init__()
        self.embed = nn.ModuleList(nn.Embedding(n_words, width) for _ in range(N_VALUE_EMBEDDINGS))

    def forward(self, input_ids: Tensor) -> list[Tensor]:
        return [table(input_ids).bfloat16() for table in self.embed]


class _Block(nn.Module):
    def __init__(self, width: int, n_heads: int, has_attention: bool) -> None:
        super().__init__()
        self.attn = _Attention(width, n_heads) if has_attention else None
        self.mlp = _MLP(width)
        self.lambdas = nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, x: Tensor, values: Tensor | None, first: Tensor) -> Tensor:
        x = self.lambdas[0] * x + self.lambdas[1] * first
        if self.attn is not None:
            x = x + self.attn(_norm(x), values)
        mixed: Tensor = x + self.mlp(_norm(x))
        return mixed


class _Attention(nn.Module):
    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.c_q, self.c_k, self.c_v, self.c_proj = (_Cast(width, width) for _ in range(4))
        self.lambdas = nn.Parameter(torch.tensor([0.5, 0.5]))

    def forward(self, x: Tensor, values: Tensor | None) -> Tensor:
        heads = (*x.shape[:2], self.n_heads, -1)
        q, k, v = (layer(x).view(heads) for layer in (self.c_q, self.c_k, self.c_v))
        v = self.lambdas[0] * v if values is None else self.lambdas[0] * v + self.lambdas[1] * values.view(heads)
        q, k = _rotate(_norm(q)), _rotate(_norm(k))
        mixed = scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
        projected: Tensor = self.c_proj(mixed.transpose(1, 2).reshape(x.shape))
        return projected


class _MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc, self.c_proj = _Cast(width, 4 * width), _Cast(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.c_proj(relu(self.c_fc(x)).square())
        return projected


class _Cast(nn.Linear):
    """A linear layer without bias in its input's number format."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight.type_as(x))


def _norm(x: Tensor) -> Tensor:
    return rms_norm(x, (x.size(-1),))


def _rotate(x: Tensor) -> Tensor:
    """Rotate (n_rows, n_tokens, n_heads, width) by position, in fp32; half of each pair is width / 2 further on."""
    quarter = x.size(-1) // 4
    steps = torch.linspace(0, 1, steps=quarter, dtype=torch.float32, device=x.device)
    speeds = torch.cat([(1 / ROTARY_BASE) ** steps, torch.zeros_like(steps)])
    angles = torch.arange(x.size(1), dtype=torch.float32, device=x.device)[:, None] * speeds
    cos, sin = angles.cos()[None, :, None], angles.sin()[None, :, None]
    one, other = x.float().chunk(2, dim=-1)
    return torch.cat([one * cos + other * sin, other * cos - one * sin], dim=-1).type_as(x)


AutoConfig.register(ChronoGPTConfig.model_type, ChronoGPTConfig, exist_ok=True)
AutoModel.register(ChronoGPTConfig, ChronoGPT, exist_ok=True)
AutoModelForCausalLM.register(ChronoGPTConfig, ChronoGPT, exist_ok=True)
