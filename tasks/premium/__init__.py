"""Premium: how much better a model scores on days it may have read about than on days after its knowledge ends.

`config`, `task` (Prefect), `build` (writes the artifact), `measurement` (all models' figures, for the stage and for
notebooks, whose input `notebook_input` checks), `vintages` (a model stitched from others by cutoff), `rows` (panel,
states), `chunks` (resumable work).
`reference/` reproduces the public recipe's figures, `inference/` adds robust ones, and `gram/` scores ridges from sums
of products, so that a draw touches no row. Splitters and draws of rows are those of `tasks.sampling`.
"""
