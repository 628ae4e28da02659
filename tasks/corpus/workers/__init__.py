"""Reading and tokenizing, in this process, in others or on Dask.

work_items: row groups numbered within their group. worker: turns a work item into a tokenized chunk.
chunks: the file format of a tokenized chunk. executors: run workers. prefetch: reads ahead of the sampler's demand.
"""
