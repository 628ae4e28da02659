"""Errors of the merge stage."""

from tasks.common.errors import HindsightError


class AdapterMismatch(HindsightError):
    """The adapter does not fit the base, or lacks weights for a target."""


class AdapterNotHandled(HindsightError):
    """A kind of adapter that the merge does not fold."""


class CheckpointMismatch(HindsightError):
    """The tensors of the checkpoint or the base are not those of the architecture."""


class SourceDamaged(HindsightError):
    """A file of the base that is missing, truncated or inconsistent."""


class CastNotHandled(HindsightError):
    """A number format that cannot be cast to the one asked for."""


class DiskFull(HindsightError):
    """The disk is too small for the merged model."""


class NothingChanged(HindsightError):
    """Training changes no logit, or an expert's adapter changes no weight."""


class MergeDiffers(HindsightError):
    """The merged model's logits differ from the trained one's."""
