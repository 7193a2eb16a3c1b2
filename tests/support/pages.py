"""Reads pages and Markdown as a browser does: which elements there are, and what a reader sees."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

from markdown_it import MarkdownIt

Skeleton = Counter[tuple[str, ...]]
"""How often each element is there, each with the names of its attributes."""


class Page(HTMLParser):
    """Elements with the names of their attributes, the values of these, and all text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.skeleton: Skeleton = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skeleton[tag, *sorted(name for name, _ in attrs)] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.skeleton[("comment",)] += bool(data.strip())

    @property
    def text(self) -> str:
        """All text, every run of white space one space; elements are apart."""
        return flat("".join(self.words))

    @property
    def values(self) -> str:
        """The values of all attributes."""
        return flat(" ".join(value for _, value in self.attributes))


def flat(text: str) -> str:
    """Return a text in which every run of white space is one space."""
    return " ".join(text.split())


def render(markdown: str) -> str:
    """Return Markdown as HTML, as a renderer does that lets HTML through."""
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))
