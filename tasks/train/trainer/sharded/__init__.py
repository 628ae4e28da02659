"""The full-weight arm without a GPU: FSDP2 over gloo, from the YAML that axolotl would read.

This package runs in the trainer's environment: it imports neither Prefect nor the rooms' configs.
"""
