"""Evaluate: how often forecasts of a currency pair's direction are right, on splits that leak and on one that does not.

`config`, `task` (Prefect), `build` (writes the artifact), `measure` (all figures). `rows` reads and checks the panel,
`splits` names its three splits, `baselines` are scikit-learn estimators, `forecasts` fits them. `kept` keeps certain
trades, `scores` says which means are figures, `intervals` draws days and currencies for all of them together, `pegs`
finds pairs that hardly move. `language_models` reads what language models answered, `comparisons` sets forecasts beside
others on the same rows, `knowledge` scores questions about formulas.
"""
