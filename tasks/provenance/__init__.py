"""in-toto statements: statement (files and what is claimed about them), model_statement (what a model carries)."""
