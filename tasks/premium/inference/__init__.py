"""Robust figures: the premium split into causes, with intervals that cover shocks that all stocks share.

`decompose` computes them for any models from `schemes` (four ways to split the rows) and `evaluate` (ridge R2 on fixed
splits); `robust` shapes them into the stage's scores. Intervals: `two_way` (bootstrap of stocks and days) and
`jackknife` (groups of days left out), put together by `replicates`. Checks beside them: `controls`, `rank_ic`,
`sensitivity` (with `inner_cv`) and `power`.
"""
