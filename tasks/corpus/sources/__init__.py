"""The corpus stage: sources."""
