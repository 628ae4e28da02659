"""Premium: how much better a model's states score on days it may have read about than on days it cannot have."""
