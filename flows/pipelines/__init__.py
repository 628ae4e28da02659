"""Pipelines as data. No Prefect, no input or output.

pipeline: `Step` and `Pipeline`. leakage_premium: the steps from corpus to report.
Add a pipeline by writing one function from its config to a `Pipeline`, and a flow that calls `run_pipeline`.
"""
