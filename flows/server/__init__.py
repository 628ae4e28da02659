"""What flows ask of the Prefect server.

runs: trigger, re-attach, poll, and how runs ended. tags: how runs are found. attempts: machine time of earlier runs.
locks: one run per artifact. limits: the concurrency limit behind it. timeouts, cancellation: how runs are ended.
"""
