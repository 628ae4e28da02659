"""What attestation refuses."""

from tasks.corpus.errors import CorpusError


class AttestationRefused(CorpusError):
    """There is nothing to claim, or what there is contradicts itself."""


class KeyRefused(CorpusError):
    """A key cannot be read, is of another kind, or would be overwritten."""
