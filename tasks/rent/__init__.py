"""Rented machines: a pool's machine is started when a run needs it, and given back when its results are proved.

`config`: configs/rent.yaml. `machines`: the record of each machine, sealed events in the store. `proof`: the results
that a machine owes, and their receipts. `prices`: what a stay on it costs. `order`: what is ordered. `lifecycle`: rent,
give back, end at the lease's end. `sweep`: what is overdue, gone or unknown. `providers/`: by command lines, or of this
machine. `errors`.
"""
