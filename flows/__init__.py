"""Prefect flows: what people trigger, the pipelines as lists of steps, and the runner that executes them."""
