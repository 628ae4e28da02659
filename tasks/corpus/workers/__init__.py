"""The corpus stage: workers."""
