"""The corpus stage: tokenize."""
