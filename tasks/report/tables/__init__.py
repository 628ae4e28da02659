"""Rows of text for the page's tables.

reference: the reference contract's figures. decomposition: what each model's premium consists of, and differences
between models. robust: controls, splits, sensitivity, power. corpus: the corpus ledger. provenance: stages, lineage,
versions, panel facts.
"""
