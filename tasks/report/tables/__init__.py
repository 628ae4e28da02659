"""Rows of text for the page's tables.

headline: the reference contract's and the robust figures. decomposition: each model's premium and the differences
between models. robust: controls, splits, sensitivity, power, hypothesis. corpus: the corpus ledger. provenance:
stages, lineage, versions, panel facts.
"""
