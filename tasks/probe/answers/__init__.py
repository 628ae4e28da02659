"""Probe: what one language model answers to the items.

`config`, `task` (Prefect), `write` (the artifact). `bits`: probability of documents, in windows.
"""
