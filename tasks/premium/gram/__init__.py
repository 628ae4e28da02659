"""Ridges from Gram matrices, so that a bootstrap draw fits no row.

A ridge needs only sums of products over its train rows. These sums are linear in the rows' weights, so they are formed
once per group of rows that always have the same weight and then added up. `tiles` lays out a Gram matrix, `devices`
holds what differs between CPU and GPU, `runs` forms many matrices in one call, `solve` fits ridges, from rows where
sums are not exact enough. `stock_draws` groups rows by stock, with the R2 of `targets`; `cells` groups them by their
part in fixed splits. See docs/decisions/0006.
"""
