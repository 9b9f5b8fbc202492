"""Texts that people allowed us to quote, made fit for a report that others read.

Belongs here: consent, and what is taken out of a quote: names, addresses, numbers, invisible characters.
Does not belong here: escaping for a page (the page's template does it).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

#: Longest quote, in characters; more is cut at a word and marked by “…”.
LONGEST_QUOTE = 400

_ADDRESS = re.compile(r"[^\s<>()\[\],;:]+@[^\s<>()\[\],;:]+\.[^\s<>()\[\],;:.!?]+")
_NUMBER = re.compile(r"\+?\(?\d[\d\s()./-]{6,}\d")
# Zero-width joiners shape Indic and Arabic letters and emoji; other format characters only mislead.
_JOINERS = "\u200c\u200d"


def may_be_quoted(answers: Mapping[str, str]) -> bool:
    """Whether the person agreed to be quoted: a plain “Yes” and nothing else."""
    return answers.get("quote_consent", "").strip().rstrip(".!").casefold() == "yes"


def trim_quote(text: str, names: Iterable[str] = ()) -> str:
    """Return the text on one line, cut at `LONGEST_QUOTE`, with names, addresses and numbers replaced."""
    line = " ".join("".join(char for char in text if _is_shown(char)).split())
    # Cells hold up to 50,000 characters; what is looked through for names and addresses stays short.
    shown = hide_names(_hide_contacts(line[: 4 * LONGEST_QUOTE]), names)
    if len(shown) <= LONGEST_QUOTE and len(line) <= 4 * LONGEST_QUOTE:
        return shown
    cut = shown[: LONGEST_QUOTE - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[LONGEST_QUOTE // 2 :] else cut).rstrip(" ,;:.") + "…"


def _is_shown(char: str) -> bool:
    return char.isspace() or char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")


def _hide_contacts(text: str) -> str:
    return _NUMBER.sub("[number]", _ADDRESS.sub("[address]", text))


def hide_names(text: str, names: Iterable[str]) -> str:
    """Replace whole names, in any case, and their parts as they are written, by “[name]”.

    Parts of one or two ASCII letters (initials) stay. A name that is a common word as well (Will, Grace) is
    hidden wherever it is capitalised: better a word too many hidden than a person named who never agreed to
    it.
    """
    full = {" ".join(name.split()) for name in names} - {""}
    words = {word.strip(".,") for name in full for word in name.split()}
    parts = [word for word in words if len(word) >= 3 or not word.isascii()]
    for name in sorted(full, key=len, reverse=True):
        spaced = r"\s+".join(map(re.escape, name.split()))
        edge = r"\b" if name[0].isalnum() and name.isascii() else ""
        text = re.sub(f"{edge}{spaced}{edge}", "[name]", text, flags=re.IGNORECASE)
    for part in sorted(parts, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "[name]", text)
    return re.sub(r"\[name\](?:\s+\[name\])+", "[name]", text)
