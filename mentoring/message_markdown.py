"""Markdown as the messages use it: people's words made inert, one source for both HTML and plain text.

Belongs here: escaping and the two renderings. Does not belong here: what a message says
(`mentoring/templates`) and which facts it needs (`mentoring.messages`). markdown-it-py is imported when it is
first used.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from markdown_it.tree import SyntaxTreeNode

#: Rules of CommonMark that a letter does not need: raw HTML, images, and text that turns into code by its
#: indent.
_RULES_OFF = ["html_block", "html_inline", "image", "code", "fence", "lheading", "reference", "autolink"]

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LINE_BREAK = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
#: Embeddings, overrides and isolates: they reorder the words of others. Plain direction marks stay, names
#: need them.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]'’”]", re.IGNORECASE)
_LINKABLE = re.compile(r"(?:https?://|mailto:)[^\s]+\Z", re.IGNORECASE)


class Markdown(str):
    """Text that is Markdown already, and is not escaped again."""

    __slots__ = ()


def clean_lines(text: str) -> list[str]:
    """Split into lines without control or reordering characters, inner runs of spaces collapsed, trimmed."""
    lines = _LINE_BREAK.sub("\n", text).split("\n")
    return [" ".join("".join(_keep(character) for character in line).split()) for line in lines]


def clean_line(text: str) -> str:
    """Make one line of any text: as `clean_lines`, joined with spaces."""
    return " ".join(line for line in clean_lines(text) if line)


def _keep(character: str) -> str:
    if character == "\t":
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cs") or character in _REORDERING else character


def escape_line(text: str) -> Markdown:
    """Markdown that shows `text` as it is, on one line; every mark of punctuation is escaped."""
    return Markdown(_PUNCTUATION.sub(r"\\\1", clean_line(text)))


def escape_prose(text: str) -> Markdown:
    """Markdown that shows `text` with its own line breaks; blank lines part paragraphs."""
    paragraphs = "\n".join(clean_lines(text)).strip("\n").split("\n\n")
    shown = ("\\\n".join(escape_line(line) for line in part.split("\n") if line) for part in paragraphs)
    return Markdown("\n\n".join(part for part in shown if part))


def link_to(text: str, address: str) -> Markdown:
    """A link, if `address` begins with https://, http:// or mailto:; otherwise both as plain words."""
    if not _LINKABLE.match(address):
        return Markdown(f"{escape_line(text)} {escape_line(address)}")
    return Markdown(f"[{escape_line(text)}](<{escape_line(address)}>)")


def mail_to(address: str) -> Markdown:
    """An e-mail address as a link to itself."""
    return link_to(address, f"mailto:{address}")


def link_addresses(text: str) -> Markdown:
    """Escape `text`, and turn every web address inside it into a link to itself."""
    line, parts, end = clean_line(text), [], 0
    for found in _WEB_ADDRESS.finditer(line):
        parts += [_escape_piece(line[end : found.start()]), link_to(found[0], found[0])]
        end = found.end()
    return Markdown("".join([*parts, _escape_piece(line[end:])]))


def _escape_piece(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", text)


def join_words(words: Iterable[str]) -> str:
    """Join as English does: “a”, “a and b”, “a, b and c”."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


@cache
def _load_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).disable(_RULES_OFF)


def render_markdown(source: str) -> tuple[str, str]:
    """Markdown as HTML and as plain text, both of one reading.

    In the HTML, a paragraph that is one link and nothing else gets the class `action`. The text has no marks, links as
    “text: address”, and lines of `TEXT_WIDTH` where words allow.
    """
    from markdown_it.tree import SyntaxTreeNode

    parser = _load_parser()
    tokens = parser.parse(source)
    text = _write_blocks(SyntaxTreeNode(tokens), "\n\n", TEXT_WIDTH)
    for paragraph, inline in pairwise(tokens):
        if paragraph.type == "paragraph_open" and not paragraph.hidden and _is_web_link(inline):
            paragraph.attrSet("class", "action")
    return str(parser.renderer.render(tokens, parser.options, {})), text


def _is_web_link(inline: Token) -> bool:
    parts = inline.children or []
    opens = [part for part in parts if part.type == "link_open"]
    whole = len(opens) == 1 and parts[0] is opens[0] and parts[-1].type == "link_close"
    return whole and str(opens[0].attrGet("href")).startswith("http")


#: The longest line of plain text where words allow it: what RFC 5322 asks for, and what terminals show.
TEXT_WIDTH = 78


def write_line(source: str) -> str:
    """Plain text of one line of Markdown, which can't become a list or a heading."""
    from markdown_it.tree import SyntaxTreeNode

    return _write_blocks(SyntaxTreeNode(_load_parser().parseInline(source)), " ", None)


def wrap_line(line: str, width: int) -> str:
    """The line broken at spaces into lines of at most `width` characters; a longer word, an address, stays whole."""
    lines, room = [""], width
    for word in line.split(" "):
        if lines[-1] and len(word) >= room:
            lines.append("")
            room = width
        lines[-1] += f" {word}" if lines[-1] else word
        room = width - len(lines[-1])
    return "\n".join(lines)


def _write_blocks(node: SyntaxTreeNode, between: str, width: int | None) -> str:
    return between.join(_write_block(child, width) for child in node.children)


def _write_block(node: SyntaxTreeNode, width: int | None) -> str:
    if node.type == "heading":
        title = _write_blocks(node, "\n", width)
        return f"{title}\n{'-' * max(map(len, title.splitlines()), default=0)}"
    if node.type in ("bullet_list", "ordered_list"):
        return _write_list(node, width)
    if node.type == "blockquote":
        return _indent(_write_blocks(node, "\n\n", width and width - 2), "> ", "> ")
    if node.type == "hr":
        return "-" * 20
    if node.type == "inline":
        text = _write_inline(node, alone=[child.type for child in node.children] == ["link"])
        return "\n".join(wrap_line(line, width) for line in text.split("\n")) if width else text
    return _write_blocks(node, "\n\n", width)


def _write_list(node: SyntaxTreeNode, width: int | None) -> str:
    first = int(node.attrs.get("start", 1))
    marks = [
        "- " if node.type == "bullet_list" else f"{first + place}. " for place in range(len(node.children))
    ]
    items = [
        _write_blocks(item, "\n", width and width - len(mark))
        for item, mark in zip(node.children, marks, strict=True)
    ]
    return "\n".join(_indent(item, mark, " " * len(mark)) for item, mark in zip(items, marks, strict=True))


def _indent(text: str, first: str, others: str) -> str:
    return first + text.replace("\n", "\n" + others)


def _write_inline(node: SyntaxTreeNode, alone: bool = False) -> str:
    return "".join(_write_span(child, alone) for child in node.children)


def _write_span(node: SyntaxTreeNode, alone: bool) -> str:
    if node.type == "softbreak":
        return " "
    if node.type == "hardbreak":
        return "\n"
    if node.type == "link":
        return _write_link(_write_inline(node), str(node.attrs["href"]), alone)
    return _write_inline(node, alone) if node.children else node.content


def _write_link(text: str, address: str, alone: bool) -> str:
    if address.startswith("mailto:"):
        return text if "@" in text else f"{text} ({address.removeprefix('mailto:')})"
    if text.startswith(("http://", "https://")):
        return address
    return f"{text}: {address}" if alone else f"{text} ({address})"
