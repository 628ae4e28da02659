"""Pipelines as data. No Prefect, no input or output.

pipeline: `Step` and `Pipeline`. leakage_premium: the steps from corpus to report. leakage_audit: those of models that
exist already. direction_check: those of forecasts without a language model. adapter_release: those from examples to a
released model. registry: a row per pipeline, and which one a file is for. docs/extend.md says how to add one.
"""
