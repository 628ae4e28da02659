"""Near-duplicates among texts: `config`, and `near`, MinHash signatures and the index of what was kept so far."""
