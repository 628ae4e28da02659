"""Text that could be known at a date: drawn, clipped at the cutoff, counted, tokenized."""
