"""Training: a base model is trained further on a corpus, by axolotl in an environment and processes of its own.

config, arms: the recipe's keys. task: the Prefect task. errors: of both environments.
pipeline: what the pipeline's environment runs. trainer: what the trainer's environment runs; an import contract keeps
Prefect and pydantic out of it. estimates: sizes, memory, speed and targets, from config.json alone.
"""
