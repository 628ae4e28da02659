"""What stands in the store and what has run: tables, for people and for comparisons."""
