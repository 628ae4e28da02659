"""From tokenized chunks to a corpus's files.

writer: the whole of it, `write_corpus`. streams: documents of each group, and the turns the groups take.
sampler: which documents go into training and validation shards. shards: the shard files. counts: what was drawn and
dropped. ledger: `ledger.json`. source_manifest: digests of the files read. state, leftovers: resuming after a kill.
"""
