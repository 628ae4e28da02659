"""JSON that others wrote: whatever is wrong with it is a ValueError."""

import json
from typing import Any


def read_json(content: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: If it is not JSON, not Unicode, or nested deeper than Python's stack.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("its lists and objects are nested too deep") from error
