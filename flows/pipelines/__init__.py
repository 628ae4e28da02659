"""Pipelines as data: `Step`, and one list of steps per pipeline. No Prefect, no input or output."""
