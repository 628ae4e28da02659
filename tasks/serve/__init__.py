"""Serving: the version of a line that is in production, over HTTP, exchanged without a request lost or mixed.

`config`: bounds. `access`: the bearer token. `schemas` and `api`: the OpenAI-compatible surface. `metrics`. `follow`:
reads the line's history and orders exchanges. `engine`: what these ask of an engine. `production`: which version it is.

`transformers_engine`: adapters in this process.
`served_model`: base and adapter in memory, generation, and the steps of an exchange. `worker`: the one thread that
computes, with its queue. `text`: text from tokens.

`llama_engine`: a llama.cpp process per version, and the switch. `llama_process`: one of them.

`vllm`: commands for a server that this project does not run. `errors`.
"""
