"""Live updates: whether a candidate replaces the version in production, and whether a swap is undone.

`config`: of gate, watch and trigger. `paired`: two versions' scores on the same rows, by day. `bets`: evidence from
days whose labels overlap. `power`: what so many days can show. `gate`: one look at the newest hold-out. `watch`: the
sequential test after a swap. `errors`.
"""
