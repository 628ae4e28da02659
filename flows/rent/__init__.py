"""Rented machines behind work pools.

`pool`: what the server says of a pool: idle, served. `need`: the machine behind one stage, rented when it is needed and
given back when its result is proved. `prices`: what an hour of a rented pool costs.
"""
