"""Costs of machine time: hardware (GPUs per pool), prices (dollars per hour), usage (time and dollars per artifact)."""
