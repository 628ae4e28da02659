"""What the recall probes find of models that count words, trained on the two sides of several years: seconds each.

Documents, held-out sections and figures are those of the recipe `probe-sotu` with another cutoff. Only the models are
others: probabilities of a token given the one before it, from counts, so that many cutoffs can be tried.

Run `python -m tests.simulations.bigrams`, or with the years of some cutoffs; docs/recall-notes.md has its figures.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from flows.pipelines.registry import load
from tasks.common.settings import project_root
from tasks.corpus.config import CorpusConfig
from tasks.corpus.filters.cutoff import Side
from tasks.corpus.write.writer import write_corpus
from tasks.probe.items.documents import draw_documents, without_overlap
from tasks.probe.items.overlap import overlap_of
from tasks.probe.recall.curves import Documents, curve_of
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Document, TextShards
from tasks.schemas.recall import Curve
from tasks.schemas.tokenizer import load_tokenizer

CUTOFFS = (1945, 1932, 1960, 1938, 1956)
"""Chosen on the first; the others confirm or do not. Between 1938 and 1956 no new president begins."""
YEARS = (20, 21)
"""Up to the cutoff and after it, as in the recipe."""


class Bigrams:
    """Interpolated with single tokens, and these with a uniform distribution, by Witten and Bell's weights.

    Args:
        texts: (n_tokens,) ids of each document.
        n_tokens: Of the vocabulary.

    Source: Witten and Bell (1991), IEEE Trans. Inf. Theory 37(4), method C.
    """

    def __init__(self, texts: Iterable[Sequence[int]], n_tokens: int) -> None:
        self.single, self.pairs = Counter[int](), Counter[tuple[int, int]]()
        for ids in texts:
            self.single.update(ids)
            self.pairs.update(pairwise(ids))
        self.seen, self.kinds = Counter[int](), Counter[int]()
        for (first, _), count in self.pairs.items():
            self.seen[first] += count
            self.kinds[first] += 1
        self.total, self.floor = self.single.total(), len(self.single) / n_tokens

    def bits(self, ids: Sequence[int]) -> float:
        """Of all tokens but the first."""
        return -sum(np.log2(self._probability(first, second)) for first, second in pairwise(ids))

    def _probability(self, first: int, second: int) -> float:
        alone = (self.single[second] + self.floor) / (self.total + len(self.single))
        kinds = self.kinds[first]
        return (self.pairs[first, second] + kinds * alone) / (self.seen[first] + kinds) if kinds else alone


def difference(year: int, is_control: bool = False) -> Curve:
    """The curve of the model of earlier years less that of later ones.

    Args:
        year: The cutoff is its last day.
        is_control: Both models count documents of both sides, so that there is nothing to find.
    """
    recipe, cutoff = load(Path(project_root() / "configs" / "probe-sotu.yaml")), date(year, 12, 31)
    assert isinstance(recipe, Recipe)
    assert recipe.probe is not None
    with tempfile.TemporaryDirectory() as folder:
        corpora = [_corpus(recipe.corpus, cutoff, side, Path(folder) / side) for side in ("known", "after")]
        drawn = draw_documents([], corpora, recipe.probe.items.documents, recipe.probe.items.seed)
        shards = [file for corpus in corpora for file in corpus.text_files]
        overlap = overlap_of([own.text for own in drawn.documents], shards)
        kept, _ = without_overlap(drawn, overlap.tolist(), recipe.probe.items.documents.max_overlap or 0.0)
        texts = [[ids.tolist() for ids in corpus.token_ids()] for corpus in corpora]
    if is_control:
        texts = [texts[0][start::2] + texts[1][start::2] for start in (0, 1)]
    tokenizer = load_tokenizer(recipe.corpus.tokenizer)
    models = [Bigrams(own, len(tokenizer)) for own in texts]
    scored = [tokenizer(own.text, add_special_tokens=False)["input_ids"] for own in kept.documents]
    bits = np.array([models[0].bits(ids) - models[1].bits(ids) for ids in scored])
    documents = Documents.of(_table(kept.documents), recipe.probe.recall)
    return curve_of(bits, documents, cutoff, "year", recipe.probe.recall)


def _corpus(config: CorpusConfig, cutoff: date, side: Side, folder: Path) -> TextShards:
    span = {"since": date(cutoff.year - YEARS[0], 1, 1), "until": date(cutoff.year + YEARS[1], 12, 31)}
    source = config.source.model_copy(update=span)
    folder.mkdir()
    write_corpus(config.model_copy(update={"source": source, "cutoff": cutoff, "side": side}), folder)
    return TextShards(folder)


def _table(documents: Sequence[Document]) -> pd.DataFrame:
    rows = [{"date": own.date, "n_bytes": len(own.text.encode()), "overlap": None} for own in documents]
    return pd.DataFrame(rows).astype({"date": "datetime64[s]", "overlap": "float64"})


def main() -> None:
    """Print a line per cutoff and, unless some are named, one of the control."""
    named = [(int(year), False) for year in sys.argv[1:]]
    for year, is_control in named or [*((year, False) for year in CUTOFFS), (CUTOFFS[0], True)]:
        found = difference(year, is_control)
        sides = ", ".join(f"{own.point:+.3f} {own.interval}" for own in (found.before, found.after, found.rise))
        print(f"{year}{', control' if is_control else ''}: {sides}; {found.change!r}", flush=True)


if __name__ == "__main__":
    main()
