"""Errors of the merge stage."""

from tasks.common.errors import HindsightError


class MergeError(HindsightError):
    """The model cannot be merged, or the merged model differs from the trained one."""


class AdapterMismatch(MergeError):
    """The adapter does not fit the base, or lacks weights for a target."""


class CheckpointMismatch(MergeError):
    """The tensors of the checkpoint or the base are not those of the architecture."""


class SourceDamaged(MergeError):
    """A file of the base that is missing, truncated or inconsistent."""


class CastNotHandled(MergeError):
    """A number format that cannot be cast to the one asked for."""


class DiskFull(MergeError):
    """The disk is too small for the merged model."""


class NothingChanged(MergeError):
    """Training changes no logit, or an expert's adapter changes no weight."""


class MergeDiffers(MergeError):
    """The merged model's logits differ from the trained one's."""
