"""The corpus stage: filters."""
