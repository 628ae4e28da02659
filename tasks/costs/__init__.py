"""Costs of machine time: hardware (GPUs per pool), prices (dollars per hour), usage (per artifact), limits."""
