"""The table of all runs.

row: one row and its arithmetic. read_rows: makes rows of the server's runs and the store's artifacts. recipes: what
is behind a run. format: rows as text, Markdown and CSV. spend_figure: as bars. publish: to Prefect and files.
existing_reports, comparison: a recipe's reports on today's and earlier prices.
"""
