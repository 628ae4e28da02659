"""Prefect flows.

leakage_premium, plan, sweep, nightly, store_audit: what people trigger. pipelines: pipelines as data.
stages: the registry. status: which artifacts exist. runner: runs a pipeline. costs: budget and spend.
runs: the table of all runs. server: what all of them ask of the Prefect server.
"""
