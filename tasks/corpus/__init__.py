"""Corpus stage: draws dated text up to a cutoff, tokenizes it and writes shards with a ledger and a signed statement.

config: all recipe keys. task: the Prefect task and its task runner. errors: what is refused.
sources: where documents come from (FineWeb, JSON lines, addresses). filters: cutoff, near-duplicates, scan.
tokenize: transformers' tokenizer or tiktoken. workers: read and tokenize work items in processes or on Dask.
write: samples documents into shards, resumes after a kill. attest: statement, signature, verification.
"""
