"""Variations of a recipe, run side by side and ranked by a figure. The flow is flows/sweep.py.

config: the form. variations, overrides: variations as complete recipes. differences: settings in which recipes differ.
same_base: the check that base figures are equal. scores, figures: figures read from the store, with their draws.
comparison, ranking, ranking_table: paired comparison, order, and the table. compared_runs: the page of several runs.
"""
