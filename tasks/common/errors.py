"""The one family of refusals. A message names the thing, its value, the bound and the way out."""


class HindsightError(Exception):
    """A refusal a person can act on: shown as one sentence, without a traceback, with exit code 1."""
