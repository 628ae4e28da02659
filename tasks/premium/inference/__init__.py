"""Robust figures: the premium split into causes, with intervals that cover shocks that all stocks share.

`decompose` computes them for any models from `schemes` (six ways to split the rows), `targets` (as it is, clipped,
ranked), `inner_cv` (the penalty of standardized columns) and `evaluate` (ridge R2 on fixed splits); `robust` shapes
them into the stage's scores, and `verdict` concludes. Intervals: `two_way` (draws of stocks and days) and
`jackknife` (groups of days left out), put together by `replicates`; `width` marks the wide ones. Beside them:
`known_truth` (expected signs), `controls`, `rank_ic`, `power`, `ladder` with `ladder_verdict` (a family's figures by
cutoff), and the robustness checks: `reference_checks` (the reference's), `decay` and `portfolio`, both from
`predictions`, with errors by `day_blocks`; and `decodability`, from `state_probes` and the shared-day effect without
`day_directions`.
"""
