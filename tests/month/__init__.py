"""A month of a team on the real orchestration, with stages that sleep: `python -m tests.month --help`.

plan: what is due when, and what goes wrong. stages: a stage that sleeps, writes training states and leaves traces; the
flows around it. worker: runs of a pool as threads of one process. site: server, store, machines. faults: interruptions,
outages, a restart, a full disk. month: the driver. traces: what the stages themselves noted. findings: the laws, from
the server, the store, the plan and the traces.
"""
