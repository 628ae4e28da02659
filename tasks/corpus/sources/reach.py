"""Asking the place documents come from, and saying what it means where it does not give them."""

from collections.abc import Callable
from typing import TypeVar

from tasks.corpus.errors import CorpusError, SourceRefused, SourceUnreachable
from tasks.corpus.sources.patience import answer_of, patiently, told

T = TypeVar("T")


def reach(what: str, where: str, call: Callable[[], T]) -> T:
    """Call a server, waiting out rate limits and a network that is down for a while.

    Args:
        what: What is done to it, such as `listed`.
        where: Its address.
        call: Reads something, without effects.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        SourceRefused: If the server knows the requested_by or the thing not.
        SourceUnreachable: If it does not answer in the end.
    """
    import httpx

    try:
        return patiently(call, where)
    except FileNotFoundError as error:
        # huggingface_hub's file system says this also of a repository it may not see.
        if (cause := error.__cause__) is not None and answer_of(cause) is not None:
            raise _refusal(cause, what, where) from error
        raise
    except (OSError, httpx.HTTPError) as error:
        raise _refusal(error, what, where) from error


def _refusal(error: BaseException, what: str, where: str) -> CorpusError:
    answer = answer_of(error)
    if answer is not None and answer.headers.get("X-Error-Code") == "RevisionNotFound":
        return SourceRefused(
            f"{where} cannot be {what}: the hub knows the data set and no such commit in it. Name a commit of its "
            "history in corpus.source.root; one that is hidden by a rewritten history is in a mirror at best."
        )
    if answer is not None and answer.status_code in (401, 403, 404):
        return SourceRefused(
            f"{where} cannot be {what}: the server answers {told(error)}; it is gated, private or not there. Check its "
            "name; of a gated one accept the conditions on its page and set HF_TOKEN to a token of that account where "
            "the corpus is read; or name a mirror in corpus.source.root."
        )
    if type(error).__name__ == "OfflineModeIsEnabled":
        return SourceUnreachable(
            f"{where} cannot be {what}, for HF_HUB_OFFLINE is set. Unset it, or name a mirror in corpus.source.root."
        )
    return SourceUnreachable(
        f"{where} cannot be {what}: {told(error)}. Check the network, or name a mirror in corpus.source.root."
    )
