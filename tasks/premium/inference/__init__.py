"""Robust figures: the premium split into causes, with intervals that cover shocks that all stocks share.

`robust` computes them all from `schemes` (four ways to split the rows) and `evaluate` (ridge R2 on fixed splits).
Intervals: `two_way` (bootstrap of stocks and days) and `jackknife` (groups of days left out). Differences of R2:
`decompose`. Checks beside them: `controls`, `rank_ic`, `sensitivity` (with `inner_cv`) and `power`.
"""
