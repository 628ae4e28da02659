"""What the merge room refuses."""

from tasks.errors import HindsightError


class MergeError(HindsightError):
    """The adapter cannot be merged, or the merged model is not what was trained."""


class AdapterMismatch(MergeError):
    """The adapter does not fit the base, or has no weights for a target."""


class NothingMoved(MergeError):
    """The adapter changes no logit."""


class MergeDiffers(MergeError):
    """The merged model answers otherwise than base and adapter."""
