"""What machine time costs: hardware (GPUs of each pool), prices (dollars per hour), usage (time an artifact took)."""
