"""A month of a team on the real orchestration, with stages that sleep: `python -m tests.month --help`.

plan: what is due when, and what goes wrong. stages: a stage that sleeps, writes training states and leaves traces.
worker: runs of a pool as threads of one process. events: interruptions, outages, a restart, a full disk. month: the
driver. findings: the table, from the server, the store and the traces.
"""
