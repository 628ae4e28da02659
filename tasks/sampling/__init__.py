"""Sampling: splits and draws of a panel's rows, for every stage that scores them.

`arrays` are rows as arrays and splits by row position, `splitters/` scikit-learn cross-validators for panels, `two_way`
draws of stocks and days with the intervals made from them, `errors` what is refused.
"""
