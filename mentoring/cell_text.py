"""Text of a cell: trimmed, on one line, or in small letters, so that two spellings of one thing are equal.

Belongs here: what counts as the same text. Does not belong here: what a text means (`mentoring.choices`,
`mentoring.times`, `mentoring.addresses`) and cells of files (`tasks`).
"""

from __future__ import annotations

import re

_SPACES = re.compile(r"\s+")
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\ud800-\udfff]")


def _is_plain(text: str) -> bool:
    """Whether cleaning has nothing to do but to trim: almost every answer, and much faster to find out."""
    # Spaces of other kinds, line breaks, and what nobody sees are not printable.
    return text.isprintable() and "  " not in text


def clean_text(text: str) -> str:
    """Trim, unify line breaks, collapse spaces, and drop characters that nobody sees or databases refuse."""
    if _is_plain(text):
        return text.strip()
    visible = _UNSEEN.sub("", text)
    return "\n".join(_SPACES.sub(" ", line).strip() for line in visible.splitlines()).strip()


def fold_text(text: str) -> str:
    """The text on one line, cleaned."""
    if _is_plain(text):
        return text.strip()
    return " ".join(clean_text(text).split())


def fold_case(text: str) -> str:
    """The text on one line in small letters, with the apostrophe of typewriters."""
    return fold_text(text).replace("’", "'").casefold()
