"""in-toto statements: statement (files and claims about them), model_statement (the claims about a model)."""
