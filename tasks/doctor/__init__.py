"""The doctor: what a machine has, and whether it is what its pool and its recipes need. It may import every stage.

facts: what is found, with the trainer's own view of GPUs. needs: holds facts against a pool and trainings. reach:
store, server and clock, tried now. diagnosis: all of it with its time, kept in the store per pool.
"""
