"""The base stage: the model training starts from.

write: the artifact. tiny: a small random Qwen3.5-MoE. hub: a model of the Hugging Face hub at a pinned commit.
"""
