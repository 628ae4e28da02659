"""Errors of the vectors stage."""

from tasks.common.errors import HindsightError


class VectorsError(HindsightError):
    """Any error of the stage."""


class BadVectors(VectorsError):
    """A file that cannot be read, or holds something else than finite vectors of one width."""


class KeysDoNotMatch(VectorsError):
    """Keys that are given twice, or do not cover the panel's rows."""
