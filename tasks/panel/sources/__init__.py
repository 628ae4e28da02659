"""Where panels get their prices: CSV files, packages and generated walks. `reader.read_prices` gives one table for all."""
