"""What flows ask of the Prefect server.

flow_runs: trigger, re-attach, poll, how runs ended; how long an outage of the server is waited for. tags: how runs are
found. attempts: machine time of earlier runs. locks: one run per artifact. limits: the concurrency limit behind it.
arguments: a stage's, from its artifact's inputs. timeouts, cancellation: how runs are ended.
"""
