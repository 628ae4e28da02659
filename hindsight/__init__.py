"""hindsight: how much knowledge of the future is in a language model, and in the way it is evaluated.

The distribution's own name: the command line (cli) and what a notebook imports stand here, above deployments, flows and
tasks (decision 0019).
"""
