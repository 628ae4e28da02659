"""Any data set that `datasets` reads: local files, or a data set of the hub at a commit.

dataset_reader: the reader, and Arrow copies of its files. files: local files and their formats. hub_files: the hub's.
rows: a file's rows as `datasets` reads them, in the batches of a copy. json_lines, columns: checked ids, dates and
texts of lines of JSON, and of all other formats.
"""
