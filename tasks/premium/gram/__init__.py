"""Ridge scores from Gram matrices, so that a bootstrap draw touches no row.

A ridge and its test error need only sums of products over the train rows and over the test rows. These sums are linear
in the rows' weights, so they are formed once per group of rows that always have the same weight and then added up.
`tiles` lays out a Gram matrix, `devices` holds what differs between CPU and GPU, `solve` turns two Gram matrices into
a test error. `stock_draws` groups rows by stock, `cells` by their part in fixed splits. See docs/decisions/0006.
"""
