"""The base stage: a model to train or to audit.

write: the artifact. tiny: a small random Qwen3.5-MoE. hub: a model of the Hugging Face hub at a pinned commit. local: a
folder, a GGUF file, a model of the store. pickles: pickled weights to safetensors, isolated. finish: tokenizer, code.
"""
