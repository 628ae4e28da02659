"""Forecast: what one language model answers to a mix's questions, by the probabilities of given answers.

`config`, `task` (Prefect), `write` (the artifact). `questions`: prompts and answers as token ids, as the model's chat
template renders them. `answers`: log probabilities of the answers, computed in batches.
"""
