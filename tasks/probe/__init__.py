"""Recall probes: what a model knows of text, facts and price moves by their day, before and after its cutoff.

`items`: what the models are asked, one artifact per run. `answers`: what one model answers. `recall`: the figures.
"""
