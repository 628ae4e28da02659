"""The page of a line of versions.

`page`: what the template shows. `tables`: rows of text. `figures`: differences of the looks, and the watch's statistic.
"""
