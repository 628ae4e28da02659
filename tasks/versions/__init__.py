"""Versions of a released model: which one is in production, who moved it there, when and why.

`history`: moves, one sealed object each in the store, and the versions that follow from them. `evidence`: what a
version was made from and what was shown of it, read from its records. `moves`: register, stage, promote, deprecate,
roll back. `table`: rows for the terminal, CSV and the UI. `errors`.
"""
