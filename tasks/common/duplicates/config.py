"""What counts as a near-duplicate."""

from pydantic import Field

from tasks.common.settings import Config


class Deduplicate(Config):
    """Drop a document whose word n-grams are mostly those of one drawn before it, from any dump."""

    threshold: float = Field(0.75, ge=0.5, le=0.95)
    """Jaccard similarity around which documents start to be dropped; bands are chosen so that both errors are
    smallest."""
    n_permutations: int = Field(128, ge=32, le=512)
    """MinHash values per document; more values separate similar from different texts better, and take more time."""
    ngram_words: int = Field(5, ge=1, le=20)
    """Words per n-gram; case and punctuation do not count."""
