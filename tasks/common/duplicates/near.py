"""Near-duplicates: MinHash signatures by datasketch, and a compact index of the documents kept so far.

datasketch and not datatrove, because a document is judged when it is drawn; datatrove's MinHash takes four passes over
files. datasketch's own index keeps Python objects per document and band, several kilobytes each, so it is not used.
"""

import hashlib
import re
import zlib

import numpy as np
from datasketch import MinHash, MinHashLSH

from tasks.common.duplicates.config import Deduplicate

WORDS = re.compile(r"\w+")
SEED = 1
"""Of the permutations. Not a setting, because signatures of two seeds cannot be compared."""
MERGE_FROM = 1 << 16
"""Fewest recent keys that are merged into the sorted ones."""
N_EXAMPLES = 5


class MinHasher:
    """Makes signatures. Made once per process, because its permutations take time to draw."""

    def __init__(self, config: Deduplicate) -> None:
        self.config = config
        self._permutations = MinHash(config.n_permutations, SEED).permutations
        self.n_bands, self.n_rows = n_bands_and_rows(config)

    def signature(self, text: str) -> np.ndarray:
        """(n_bands,) uint64 keys; two documents that share one count as near-duplicates."""
        # crc32 suffices, because datasketch mixes its input before it permutes; sha1 took a third of the time.
        minhash = MinHash(
            seed=SEED,
            num_perm=self.config.n_permutations,
            hashfunc=zlib.crc32,
            scheme="affine32",
            permutations=self._permutations,
        )
        minhash.update_batch(self._ngrams(text))
        bands = minhash.hashvalues[: self.n_bands * self.n_rows].reshape(self.n_bands, self.n_rows).astype("<u4")
        keys = [_key(number, band.tobytes()) for number, band in enumerate(bands)]
        return np.array(keys, np.uint64)

    def _ngrams(self, text: str) -> list[bytes]:
        words, n = WORDS.findall(text.lower()), self.config.ngram_words
        return [" ".join(words[start : start + n]).encode() for start in range(max(1, len(words) - n + 1))]


class NearDuplicates:
    """Index of kept documents: of several near-duplicates the first one drawn is kept.

    Memory: 8 bytes per key in a sorted array, up to an eighth of the keys as Python integers, and the array twice while
    they are merged: 195 bytes per document of 11 bands at the peak, measured over 500,000. The outcome depends only on
    the order of the calls.
    """

    def __init__(self) -> None:
        self.n_kept = self.n_dropped = 0
        self.dropped_examples: list[str] = []
        self._sorted = np.empty(0, np.uint64)
        self._recent: set[int] = set()

    def is_new(self, document_id: str, signature: np.ndarray) -> bool:
        """Keep a document unless it shares a key with one kept before.

        Args:
            document_id: For the examples.
            signature: (n_bands,) uint64, by `MinHasher.signature`.

        Returns:
            Whether it was kept.
        """
        if self.knows(signature):
            self.n_dropped += 1
            self.dropped_examples += [document_id] if len(self.dropped_examples) < N_EXAMPLES else []
            return False
        self.keep(signature)
        return True

    def keep(self, signatures: np.ndarray) -> None:
        """Add kept documents: (n_bands,) uint64 of one or (n_documents, n_bands) of several, as on a resume."""
        self.n_kept += 1 if signatures.ndim == 1 else len(signatures)
        self._recent.update(signatures.ravel().tolist())
        if len(self._recent) >= max(MERGE_FROM, len(self._sorted) // 8):
            recent = np.fromiter(self._recent, np.uint64, len(self._recent))
            self._recent = set()
            self._sorted = np.concatenate([self._sorted, recent])
            self._sorted.sort()

    def knows(self, signature: np.ndarray) -> bool:
        """Whether a document kept before shares a key with this (n_bands,) signature."""
        if not self._recent.isdisjoint(signature.tolist()):
            return True
        places = np.searchsorted(self._sorted, signature)
        inside = places < len(self._sorted)
        return bool((self._sorted[places[inside]] == signature[inside]).any())


def n_bands_and_rows(config: Deduplicate) -> tuple[int, int]:
    """Number of bands, and of MinHash values in each, with the fewest errors of both kinds at the threshold.

    Two documents of similarity s share a band with probability 1 - (1 - s ** n_rows) ** n_bands.
    Source: Leskovec, Rajaraman and Ullman (2020), Mining of Massive Datasets, section 3.4.
    """
    best = MinHashLSH(threshold=config.threshold, num_perm=config.n_permutations)
    return int(best.b), int(best.r)


def _key(band: int, values: bytes) -> int:
    # The band's number is hashed in, so that one set holds the keys of all bands.
    digest = hashlib.blake2b(values, digest_size=8, salt=band.to_bytes(8, "little")).digest()
    return int.from_bytes(digest, "little")
