"""Rows of text for the page's tables.

headline: lookahead, gain and the reference's figures. expected: what they are by what a model knows. decomposition:
each model's R2s and the differences between models, by fit. robust: controls, splits, refits, power, hypothesis.
ladder: a family's figures by cutoff. checks: robustness checks, the reference's and ours.
corpus: the corpus ledger. provenance: stages, lineage, versions, panel facts. spend: machine time and dollars.
"""
