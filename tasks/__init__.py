"""Rooms of hindsight: one package per subject, plain functions inside, Prefect only in each room's `task.py`."""
