"""Compares the packaged Qwen tokenizer with the hub's file, if the hub can be reached.

This is product code and not a test, because tests never reach the hub; a difference must end a run before it costs.
"""

import logging
import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tasks.common.settings import state_dir
from tasks.corpus.sources.remote import describe_error
from tasks.corpus.tokenize.engine_check import N_FUZZED, fuzzed_texts
from tasks.schemas.tokenizer import HubTokenizer, QwenTokenizer, TokenizerError
from tasks.store.digests import sha256_of_file

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

FILE = "tokenizer.json"
ANSWER_SECONDS = 3.0
"""The hub must answer within this time; else the corpus is built without the comparison."""
WAY_OUT = "Set corpus.tokenizer to {kind: hub}, and report it to the maintainers of the package's pin."


def compare_with_hub(
    tokenizer: "PreTrainedTokenizerBase", digest: str, source: QwenTokenizer | HubTokenizer
) -> dict[str, JsonValue]:
    """Compare the packaged tokenizer with the hub's file at the pinned commit.

    The package ships ranks without a tokenizer.json. A tokenizer made from them has merges that the hub's file leaves
    out, so that the bytes differ. Compared is what decides ids: all tokens with their ids, and the ids of fuzzed texts.

    Returns:
        Facts for the record: `same ids` or why there was no comparison, and the sha256 of the hub's file.

    Raises:
        TokenizerError: If they differ.
    """
    if isinstance(source, HubTokenizer):
        return _facts("is the hub's", None)
    pinned = HubTokenizer()
    metadata = _fetch_metadata(pinned)
    if isinstance(metadata, Exception):
        log.info("corpus: the packaged tokenizer was not compared with the hub's: %s", describe_error(metadata))
        return _facts(f"not reached: {describe_error(metadata)}", None)
    if metadata.commit_hash not in (None, pinned.revision):
        raise TokenizerError(
            f"{pinned.repo} is pinned at {pinned.revision}, the hub gives {metadata.commit_hash} under that name; "
            f"nothing is drawn. Ask who changed it. {WAY_OUT}"
        )
    # An empty file marks a finished comparison, so that the hub's file is fetched once; both digests are in its name.
    marker = state_dir() / "compared" / f"tokenizer-{digest}-{metadata.etag}"
    if not marker.exists():
        try:
            file = _fetch(pinned, str(metadata.etag))
        except TokenizerError:
            raise
        except Exception as error:
            return _facts(f"not fetched: {describe_error(error)}", metadata.etag)
        _check_same_ids(tokenizer, file, f"{pinned.repo} at {pinned.revision[:12]}")
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    return _facts("same ids", metadata.etag)


def _facts(outcome: str, sha256: str | None) -> dict[str, JsonValue]:
    return {"tokenizer_compared_with_hub": outcome, "hub_tokenizer_sha256": sha256}


def _fetch_metadata(pinned: HubTokenizer) -> "HfFileMetadata | Exception":
    """The hub's metadata of the file, or the error. In a thread, because a name lookup has no time limit of its own."""
    results: queue.SimpleQueue[HfFileMetadata | Exception] = queue.SimpleQueue()

    def request() -> None:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        try:
            url = hf_hub_url(pinned.repo, FILE, revision=pinned.revision)
            results.put(get_hf_file_metadata(url, timeout=ANSWER_SECONDS))
        except Exception as error:
            results.put(error)

    threading.Thread(target=request, name="hub-metadata", daemon=True).start()
    try:
        return results.get(timeout=ANSWER_SECONDS + 1)
    except queue.Empty:
        return TimeoutError(f"no answer in {ANSWER_SECONDS:.0f} s")


def _fetch(pinned: HubTokenizer, stated_digest: str) -> Path:
    from huggingface_hub import hf_hub_download

    file = Path(hf_hub_download(pinned.repo, FILE, revision=pinned.revision))
    if len(stated_digest) == 64 and (found := sha256_of_file(file)) != stated_digest:
        raise TokenizerError(
            f"{file} hashes to {found[:12]}, the hub states {stated_digest[:12]} for {FILE} of {pinned.repo}; remove "
            "the file and start the run again."
        )
    return file


def _check_same_ids(tokenizer: "PreTrainedTokenizerBase", file: Path, name: str) -> None:
    """Compare a tokenizer with a tokenizer.json: tokens, their ids, and the ids of texts."""
    from tokenizers import Tokenizer

    try:
        other = Tokenizer.from_file(str(file))
    except Exception as error:
        raise TokenizerError(
            f"{FILE} of {name} cannot be read as a tokenizer: {str(error)[:200]}. Install the "
            f"tokenizers version of constraints.txt, or delete {file} to fetch it again."
        ) from error
    other.no_truncation()
    other.no_padding()
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
