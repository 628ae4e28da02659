"""How many threads BLAS gets."""

from contextlib import AbstractContextManager, nullcontext

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

WIDE = 512
"""Columns from which a single product is worth several threads."""


def threads_for(n_columns: int) -> AbstractContextManager[object]:
    """All cores for wide panels, one for narrow ones.

    Thousands of small systems wait for each other's threads: on two busy cores that cost a factor of twenty.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return nullcontext() if n_columns >= WIDE else limits
