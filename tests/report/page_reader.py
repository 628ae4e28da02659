"""Collects what a reader sees of a report."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """A page's tags, its addresses, and the visible text outside the figures and the table of contents."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.hidden: str | None = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in ("style", "title", "svg", "nav") and not self.hidden:
            self.hidden = tag
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]

    def handle_endtag(self, tag):
        if tag == self.hidden:
            self.hidden = None

    def handle_data(self, data):
        if not self.hidden and data.strip():
            self.text.append(" ".join(data.split()))


def words(page: Page) -> str:
    return " ".join(page.text)


def after(page: Page, what: str, n: int, since: str | None = None) -> list[str]:
    """The texts that follow one, at its first place or at the first after another."""
    start = page.text.index(what, page.text.index(since) if since else 0) + 1
    return page.text[start : start + n]
