"""The packaged Qwen tokenizer, held against the hub's file it stands for, where the hub can be reached."""

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tasks.common.settings import state_dir
from tasks.corpus.sources.patience import told
from tasks.corpus.tokenize.engine_check import N_FUZZED, fuzzed_texts
from tasks.schemas.tokenizer import HubTokenizer, QwenTokenizer, TokenizerError
from tasks.store.digests import sha256_of_file

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

FILE = "tokenizer.json"
ANSWER_SECONDS = 3.0
"""Until which the hub must have answered, or the corpus is drawn without it."""
SAME_IDS = "same ids"
WAY_OUT = "Set corpus.tokenizer to {kind: hub}, and say so to whoever keeps the package's pin."


def compare_with_hub(
    tokenizer: "PreTrainedTokenizerBase", digest: str, source: QwenTokenizer | HubTokenizer
) -> dict[str, JsonValue]:
    """Hold the packaged tokenizer against the pinned file of the hub.

    The package ships ranks and no tokenizer.json: made from them, it has merges the hub's file leaves out, so that the
    two differ in bytes. Compared is what decides ids: every token and its id, and the ids of fuzzed texts.

    Args:
        tokenizer: The one that is used.
        digest: Its digest.
        source: Where it is from.

    Returns:
        Facts: how the comparison came out, or why there was none, and the sha256 of the hub's file.

    Raises:
        TokenizerError: If the hub's is another one.
    """
    if isinstance(source, HubTokenizer):
        return _facts("is the hub's", None)
    pinned = HubTokenizer()
    stated = _within(ANSWER_SECONDS, lambda: _stated(pinned))
    if isinstance(stated, Exception):
        log.info("corpus: the packaged tokenizer was not compared with the hub's: %s", told(stated))
        return _facts(f"not reached: {told(stated)}", None)
    if stated.commit_hash not in (None, pinned.revision):
        raise TokenizerError(
            f"{pinned.repo} is pinned at {pinned.revision}, the hub gives {stated.commit_hash} under that name; "
            f"nothing is drawn. Ask who changed it. {WAY_OUT}"
        )
    # What was compared once need not be fetched again: both digests are in the name.
    note = state_dir() / "compared" / f"tokenizer-{digest}-{stated.etag}"
    if not note.exists():
        try:
            file = _fetch(pinned, str(stated.etag))
        except Exception as error:
            if isinstance(error, TokenizerError):
                raise
            return _facts(f"not fetched: {told(error)}", stated.etag)
        refuse_other_ids(tokenizer, file, f"{pinned.repo} at {pinned.revision[:12]}")
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    return _facts(SAME_IDS, stated.etag)


def refuse_other_ids(tokenizer: "PreTrainedTokenizerBase", file: Path, name: str) -> None:
    """Hold a tokenizer against a tokenizer.json.

    Args:
        tokenizer: The one that is used.
        file: The other one.
        name: What the other one is called.

    Raises:
        TokenizerError: If a token, an id, or the ids of a text differ.
    """
    other = _read(file, name)
    own_ids, other_ids = tokenizer.get_vocab(), other.get_vocab(with_added_tokens=True)
    if own_ids != other_ids:
        token = min(own_ids.items() ^ other_ids.items())[0]
        raise TokenizerError(
            f"the packaged tokenizer has {len(own_ids):,} tokens, that of {name} {len(other_ids):,}; the first that "
            f"differs is {token!r}, {own_ids.get(token, 'absent')} here and {other_ids.get(token, 'absent')} there. "
            f"{WAY_OUT}"
        )
    texts = fuzzed_texts(0, N_FUZZED, list(tokenizer.get_added_vocab()))
    own = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    for text, ids, encoded in zip(texts, own, other.encode_batch(texts, add_special_tokens=False), strict=True):
        if ids != encoded.ids:
            raise TokenizerError(f"the packaged tokenizer gives other ids of {text[:80]!r} than {name}. {WAY_OUT}")


def _facts(outcome: str, sha256: str | None) -> dict[str, JsonValue]:
    return {"tokenizer_compared_with_hub": outcome, "hub_tokenizer_sha256": sha256}


def _stated(pinned: HubTokenizer) -> "HfFileMetadata":
    """What the hub says of the file, in one request."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    return get_hf_file_metadata(hf_hub_url(pinned.repo, FILE, revision=pinned.revision), timeout=ANSWER_SECONDS)


def _fetch(pinned: HubTokenizer, stated: str) -> Path:
    from huggingface_hub import hf_hub_download

    file = Path(hf_hub_download(pinned.repo, FILE, revision=pinned.revision))
    if len(stated) == 64 and (found := sha256_of_file(file)) != stated:
        raise TokenizerError(
            f"{file} hashes to {found[:12]}, the hub states {stated[:12]} for {FILE} of {pinned.repo}; remove the file "
            "and start again."
        )
    return file


def _read(file: Path, name: str) -> "Tokenizer":
    from tokenizers import Tokenizer

    try:
        other = Tokenizer.from_file(str(file))
    except Exception as error:
        raise TokenizerError(
            f"{FILE} of {name} cannot be read as a tokenizer: {str(error)[:200]}. {WAY_OUT}"
        ) from error
    other.no_truncation()
    other.no_padding()
    return other


def _within(seconds: float, call: "Callable[[], HfFileMetadata]") -> "HfFileMetadata | Exception":
    """A call's result, or its error; looking up a name has no time limit of its own, so that a thread is left at it."""
    found: queue.SimpleQueue[HfFileMetadata | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(call())
        except Exception as error:
            found.put(error)

    threading.Thread(target=ask, name="ask-hub", daemon=True).start()
    try:
        return found.get(timeout=seconds + 1)
    except queue.Empty:
        return TimeoutError(f"no answer in {seconds:.0f} s")
