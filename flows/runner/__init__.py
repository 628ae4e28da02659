"""Runs a list of steps: on work pools through Prefect, or inline in this process."""
