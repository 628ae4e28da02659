"""Sampling: splits and draws of a panel's rows, for every stage that trains on them or scores them.

`arrays` are rows as arrays and splits by row position, `splitters/` scikit-learn cross-validators for panels, `two_way`
draws of stocks and days with the intervals made from them, `row_figures` figures of rows with both their intervals,
`clusters` intervals that treat a cluster's observations as one. `holdout` is the config of held-out days, `cut` finds
them, `pairs` checks a panel of currency pairs, `spread` samples rows evenly over days, `errors` is what is refused.
"""
