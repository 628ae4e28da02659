"""Variations of a recipe side by side: which there are, how they rank, and the table of all runs."""
