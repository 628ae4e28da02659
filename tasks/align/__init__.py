"""The align stage: a mix's conversations or preference pairs as a base model's token ids.

config: objective, longest example, chat template. turns: a conversation by the template, split into prompt and answer.
examples: the columns of a conversation and of a pair. write: the artifact. task: the Prefect task. errors: its errors.
"""
