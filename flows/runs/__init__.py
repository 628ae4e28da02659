"""The table of all runs: rows from the server and the store, as text, CSV, Prefect artifact and figure."""
