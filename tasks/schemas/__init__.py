"""The types in which stages meet: artifacts (folders with typed readers), scores (the measure's figures), tokenizer."""
