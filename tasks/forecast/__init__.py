"""Forecast: what one language model answers to a mix's questions, by the probabilities of given answers.

`config`, `task` (Prefect), `write` (the artifact). How questions are put to a model is in `tasks.forward`.
"""
