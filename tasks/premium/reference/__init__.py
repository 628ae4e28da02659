"""The reference contract: scores and stock bootstrap exactly as the public recipe's evaluation computes them.

`splits` makes its chronological split and its stock-disjoint folds, `scores` fits and scores them row by row, `draws`
resamples stocks, and `bootstrap` scores all draws from Gram matrices and gives percentile intervals.
"""
