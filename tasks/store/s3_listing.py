"""Whole listings of a bucket: pages until the server says that there are no more, or an error.

botocore's paginator ends without an error where a server says that a page is not the last and gives no token for the
next, as several S3-compatible servers did at 1,000 keys. What is then missing would count as absent, and `gc` would
remove it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tasks.store.errors import StoreError

Page = dict[str, Any]
Ask = Callable[[str, dict[str, Any]], Page]
"""Sends one request: the operation, such as `list_objects_v2`, and its arguments besides the bucket."""


class IncompleteListing(StoreError):
    """A server says that its listing goes on, and does not give the rest."""


def list_keys(ask: Ask, prefix: str) -> Iterator[dict[str, Any]]:
    """Every object below a prefix: `Key`, `Size`, `LastModified`.

    A page without a token for the next is followed by `StartAfter` its last key, and, where the server ignores that, by
    `Marker`, of S3's first listing.

    Raises:
        IncompleteListing: If the server gives neither, or repeats itself.
    """
    page = ask("list_objects_v2", {"Prefix": prefix})
    last = ""
    while True:
        found = page.get("Contents", [])
        yield from found
        if not page.get("IsTruncated"):
            return
        last = max([last, *(each["Key"] for each in found)])
        page = _next_page(ask, prefix, page, last)


def _next_page(ask: Ask, prefix: str, page: Page, last: str) -> Page:
    if token := page.get("NextContinuationToken"):
        following = ask("list_objects_v2", {"Prefix": prefix, "ContinuationToken": token})
        if following.get("NextContinuationToken") != token:
            return following
    elif marker := page.get("NextMarker") or last:
        for operation, argument in (("list_objects_v2", "StartAfter"), ("list_objects", "Marker")):
            following = ask(operation, {"Prefix": prefix, argument: marker})
            keys = [each["Key"] for each in following.get("Contents", [])]
            # None at all contradicts the page before, which said that more follow.
            if keys and min(keys) > marker:
                return following
    raise IncompleteListing(
        f"the listing of {prefix!r} is incomplete: the server says that more follows after {last!r} and does not give "
        "it. Nothing that is missing from it can be called absent; use another server, or mend this one."
    )


def list_uploads(ask: Ask, prefix: str) -> Iterator[dict[str, Any]]:
    """Every unfinished upload below a prefix: `Key`, `UploadId`, `Initiated`.

    Raises:
        IncompleteListing: If the server says that more follow, and not after which.
    """
    marker: dict[str, str] = {}
    while True:
        page = ask("list_multipart_uploads", {"Prefix": prefix, **marker})
        yield from page.get("Uploads", [])
        if not page.get("IsTruncated"):
            return
        following = {name: page[f"Next{name}"] for name in ("KeyMarker", "UploadIdMarker") if page.get(f"Next{name}")}
        if not following or following == marker:
            raise IncompleteListing(
                f"the listing of unfinished uploads of {prefix!r} is incomplete: the server does not say how it "
                "goes on; use another server, or mend this one."
            )
        marker = following
