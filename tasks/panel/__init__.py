"""Panel: stocks and days drawn from daily prices, with features, a two-day target and a sentence per row."""
