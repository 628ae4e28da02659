"""Making checks: lines of preflight's and the doctor's tables."""

from collections.abc import Callable

from tasks.common.errors import HindsightError
from tasks.schemas.artifacts import Check

FOR_INFORMATION = "for information"
"""Bound of a line that cannot fail."""


def check_call(name: str, bound: str, call: Callable[[], object], found: str | None = None) -> Check:
    """A check that passes if the call raises no HindsightError; its value is `found`, or the call's result."""
    try:
        result = call()
    except HindsightError as error:
        return Check(name=name, passed=False, value=str(error), bound=bound)
    return Check(name=name, passed=True, value=found or str(result), bound=bound)


def info_line(name: str, value: str) -> Check:
    """A line for information that cannot fail."""
    return Check(name=name, passed=True, value=value, bound=FOR_INFORMATION)


def format_bytes(n_bytes: float) -> str:
    """As in `415.9 GB` or `1.0 MB`."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"
