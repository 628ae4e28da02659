"""From text to token ids.

engine: transformers' tokenizer, or tiktoken for texts where the ids are the same. engine_check: chooses between them.
vocabulary: a tokenizer's vocabulary in tiktoken's form. hub_tokenizer: compares the packaged tokenizer with the hub's.
"""
