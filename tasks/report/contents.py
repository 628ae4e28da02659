"""Table of contents: an anchor for every section heading of a page, and links to them."""

import re
from dataclasses import dataclass

from markupsafe import Markup

HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """A section.

    Args:
        anchor: Its id on the page.
        title: Its heading, without tags.
    """

    anchor: str
    title: str


def with_anchors(page: Markup) -> Markup:
    """The page, with an id in every `h2`; the same headings get the same ids."""
    anchors = iter(entries(page))
    return Markup(HEADING.sub(lambda found: f'<h2 id="{next(anchors).anchor}">{found[1]}</h2>', page))  # noqa: S704


def entries(page: Markup) -> list[Entry]:
    """A page's sections in order, before or after `with_anchors`.

    Examples:
        >>> entries(Markup("<h2>Is it <b>so</b>?</h2> <h2>Is it so</h2>"))
        [Entry(anchor='is-it-so', title='Is it so?'), Entry(anchor='is-it-so-2', title='Is it so')]
    """
    found: list[Entry] = []
    for heading in HEADING.findall(page):
        title = " ".join(Markup(heading).striptags().split())  # noqa: S704
        name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        taken = sum(re.fullmatch(rf"{re.escape(name)}(-\d+)?", entry.anchor) is not None for entry in found)
        found.append(Entry(f"{name}-{taken + 1}" if taken else name, title))
    return found
