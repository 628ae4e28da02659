"""Stage packages: one per stage, plain functions inside, Prefect only in each package's `task.py`."""
