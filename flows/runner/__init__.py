"""Runs a pipeline: on work pools through Prefect, or inline in this process.

run: the loop over the steps. request: one stage to run. dispatcher: runs it on its pool. in_process: runs it here.
inline: a whole run without a server. from_stage: rebuilding from one stage on. plan: what a run would do.
stage_lease: the lease on a rented pool. fan_out: many runs side by side. follow: a run in the terminal.
"""
