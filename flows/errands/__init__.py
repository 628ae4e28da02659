"""Stages that a parent wants run: found in the store, run in its process, or sent to another pool."""
