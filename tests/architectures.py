"""Model configs at full size, without weights."""

from transformers import Qwen2Config
from transformers.models.qwen3_5_moe.configuration_qwen3_5_moe import Qwen3_5MoeTextConfig

from tasks.gpu_trial.sizes import QWEN_35B


def qwen_35b(**changed: object) -> Qwen3_5MoeTextConfig:
    """The config of Qwen3.5-35B-A3B, with changes."""
    return Qwen3_5MoeTextConfig(**({"tie_word_embeddings": False} | QWEN_35B | changed))


def r1_7b() -> Qwen2Config:
    """The sizes of DeepSeek-R1-Distill-Qwen-7B, from its config.json."""
    return Qwen2Config(
        vocab_size=152_064,
        hidden_size=3_584,
        intermediate_size=18_944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        tie_word_embeddings=False,
    )
