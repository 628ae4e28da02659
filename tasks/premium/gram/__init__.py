"""Gram: ridge scores from second moments, so that a draw costs a weighted sum of Gram matrices and touches no row.

A ridge and its test error need a train side's and a test side's sums of products, nothing else of the rows. Those sums
are linear in how often a row counts; they are formed once per group of rows that always count alike (a stock, or a cell
of a splitter) and added up by matrix products for as many draws and folds as fit in memory.
"""
