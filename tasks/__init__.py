"""One package per stage, and the packages they share. Prefect is imported only by each stage's `task.py`.

Stages: base, corpus, panel (with prices), preflight, train, merge, embed, premium, report.
Shared: schemas (the artifacts in which stages meet), store, checkpoints, provenance, costs, common.
Above the stages: recipe (all configs), sweep.
"""
