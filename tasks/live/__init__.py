"""Live updates: which outcomes were known, whether a candidate replaces production, and whether a swap is undone.

`config`: of gate, watch and trigger. `paired`: two versions' scores on the same rows, by day. `bets`: evidence from
days whose labels overlap. `power`: what so many days can show. `gate`: one look at the newest hold-out. `watch`: the
sequential test after a swap. `errors`.

`outcomes_config`, `outcomes_table`, `outcomes`: the panel with the outcomes known at a moment; `outcomes_checks`: what
is refused of them. `look_config`, `look`: from forecasts to a look and to the state of a swap; `looks`: those of a line
in the store. `line_page`: what a line's page shows. `task` (Prefect): the stages `outcomes`, `live_look` and
`live_swap`.
"""
