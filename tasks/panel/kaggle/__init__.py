"""Prices: JPX's price file as an artifact of its own, from Kaggle or from a file a person has, checked, kept once."""
