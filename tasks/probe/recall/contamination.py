"""How much of the probe's texts is in the training shards, by n-grams."""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import JsonValue

from tasks.sampling.arrays import FloatArray
from tasks.schemas.recall import Contamination, OverlapCount


def contamination(overlap: FloatArray, bounds: Sequence[float], panel: Mapping[str, JsonValue]) -> Contamination:
    """Counts of documents by overlap, and the items' own figures of the panel's sentences.

    Args:
        overlap: (n,) by document, share of its n-grams that are in the shards; NaN where unknown.
        bounds: Ascending.
        panel: The items' `panel_overlap.json`.
    """
    known = overlap[np.isfinite(overlap)]
    numbers = {
        name: value for name, value in panel.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return Contamination(
        n_documents=len(known),
        documents=[
            OverlapCount(bound=bound, n_documents=int((known > bound).sum()), share=float((known > bound).mean()))
            for bound in bounds
            if len(known)
        ],
        panel=numbers,
        why_none="" if len(known) else "there are no training shards among the items' inputs, or no documents",
    )
