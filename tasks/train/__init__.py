"""Training: a base model continued on a corpus, the trainer in an environment and a process of its own."""
