"""Serving: the version of a line that is in production, over HTTP, exchanged without a request lost or mixed.

`config`: bounds. `served_model`: base and adapter in memory, generation, and the exchange of the adapter. `worker`: the
one thread that computes, with its queue. `follow`: reads the line's history and orders exchanges. `access`: the bearer
token. `schemas` and `api`: the OpenAI-compatible surface. `errors`.
"""
