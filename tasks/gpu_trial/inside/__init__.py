"""What runs in the trainer's environment, whose kernels the pipeline's lacks.

Its modules read their arguments as JSON from stdin and print their figures as a last line (`answer`). random_trainer
is the trainer on a base without weights.
"""
