"""The model training starts from: a small random hybrid, or a pinned revision of the hub."""
