"""Training: a base model learns text, conversations or preference pairs, by axolotl in processes of its own.

config, arms, objectives: the recipe's keys. task: the Prefect task. errors: of both environments.
pipeline: what the pipeline's environment runs. trainer: what the trainer's environment runs; an import contract keeps
Prefect and pydantic out of it. estimates: sizes, memory, speed and targets, from config.json alone.
"""
