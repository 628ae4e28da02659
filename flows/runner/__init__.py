"""Runs a pipeline: on work pools through Prefect, or inline in this process.

run: the loop over the steps. request: one stage to run. dispatcher: runs it on its pool. retries: whether it is sent
again. in_process: runs it in the parent's process, still as a run of the server. inline: a whole pipeline without a
server. planner: what a run would do. from_stage: rebuilding from one stage on. rental_lease: the lease on a rented
pool. fan_out: many runs side by side. follow: a run in the terminal. show: its report in the UI.
"""
