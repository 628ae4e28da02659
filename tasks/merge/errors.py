"""What the merge room refuses."""

from tasks.common.errors import HindsightError


class MergeError(HindsightError):
    """The model cannot be merged, or the merged model is not what was trained."""


class AdapterMismatch(MergeError):
    """The adapter does not fit the base, or has no weights for a target."""


class CheckpointMismatch(MergeError):
    """The sharded weights, or the base's, are not those of the architecture."""


class SourceDamaged(MergeError):
    """A file of the base that is missing, cut off or contradicts itself."""


class CastNotHandled(MergeError):
    """A number format that is not turned into the one asked for."""


class NoRoom(MergeError):
    """The disk has no room for the merged model."""


class NothingMoved(MergeError):
    """What was trained changes no logit, or an expert's adapter no weight."""


class MergeDiffers(MergeError):
    """The merged model answers otherwise than the trained one."""
