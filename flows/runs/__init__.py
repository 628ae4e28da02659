"""The table of all runs.

rows: joins the server's runs with the store's artifacts. row: one row and its arithmetic. recipes: behind a run.
text_table: as text, Markdown and CSV. spend_figure: as bars. table: publishes them. measured, comparison: reports.
"""
