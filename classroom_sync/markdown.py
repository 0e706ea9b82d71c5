"""Markdown (CommonMark, with tables) as people write it in lesson plans: to HTML, and to plain
blocks for files.

HTML in it is shown as text, links go to http, https and mailto addresses only, pictures are left to
their words: what one teacher writes runs nothing in another's browser.
"""

from collections.abc import Iterator
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def html(text: str) -> str:
    """Safe HTML."""
    made: str = _reader().render(text)
    return made


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """The text's blocks as (kind, plain words), with emphasis and addresses left out. Kind:
    "heading", "item" of a list, or "text"; each row of a table is a text."""
    tokens = _reader().parse(text)
    inside: list[str] = []
    cells: list[str] = []
    for token in tokens:
        if token.nesting == 1:
            inside.append(token.type.removesuffix("_open"))
        elif token.nesting == -1:
            if inside and inside.pop() == "tr":
                yield "text", " | ".join(cells)
                cells = []
        elif token.type == "inline":
            words = _plain(token)
            if "tr" in inside:
                cells.append(words)
            elif "heading" in inside:
                yield "heading", words
            else:
                yield ("item" if "list_item" in inside else "text"), words
        elif token.type in ("fence", "code_block"):
            yield "text", token.content.rstrip("\n")


def _plain(token: Token) -> str:
    words = (
        child.content if child.type in ("text", "code_inline") else "\n"
        for child in token.children or ()
        if child.type in ("text", "code_inline", "softbreak", "hardbreak")
    )
    return "".join(words)
