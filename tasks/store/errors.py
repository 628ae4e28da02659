"""What the store refuses."""

from tasks.errors import HindsightError


class StoreError(HindsightError):
    """The store cannot be used as it is asked to be."""


class UnwritableStore(StoreError):
    """The store refused a small write, or gave other bytes back."""


class ArtifactMissing(StoreError):
    """No record stands at the place the reference names."""


class ArtifactDamaged(StoreError):
    """A record or a blob is not what was published."""


class IdentityDrift(StoreError):
    """An artifact stands at this key with another identity than the one asked for."""
