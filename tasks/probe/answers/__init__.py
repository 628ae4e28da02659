"""Probe: what one language model answers to the items.

`config`, `task` (Prefect), `write` (the artifact). `reading`: items as tokens, without weights. `bits`: probability of
documents, in windows.
"""
