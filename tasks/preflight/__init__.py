"""Preflight: checks of a recipe and its inputs before a GPU is rented. It may import every other stage.

checks/: the checks by run. audit and ladders: those of an audit. power: the effect the panel can detect. forecast:
hours and dollars by stage. write: runs the checks and writes the artifact. recheck: repeats the checks whose results
may have changed. artifact, task: the artifact type and the Prefect task.
"""
