"""Mix: examples that a chat model is trained on before a hold-out, and questions it is asked after it.

`config`, `task` (Prefect), `build` (writes the artifact). `panel_rows` divides a panel's days, `examples` counts what
each step leaves. Sources: `files`, `generate` (from the panel's rows, in the wordings of `texts`) and `formulas`.
`duplicates` drops what was seen, `order` interleaves the sources, `questions` asks about the hold-out.
"""
