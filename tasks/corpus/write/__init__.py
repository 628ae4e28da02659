"""The corpus stage: write."""
