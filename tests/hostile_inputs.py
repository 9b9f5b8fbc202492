"""The corpus of nasty inputs, and more of the kind made up by Hypothesis.

The inputs themselves are in `data/hostile_inputs.json`: an id, a family, a note in words, the text (invisible and
foreign characters as JSON escapes), and how many times it is repeated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st


@dataclass(frozen=True)
class HostileInput:
    """One text that somebody may write into a public form."""

    id: str
    family: str
    text: str


def read_corpus() -> list[HostileInput]:
    path = Path(__file__).parent / "data" / "hostile_inputs.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [HostileInput(row["id"], row["family"], row["text"] * row.get("times", 1)) for row in rows]


CORPUS = read_corpus()
TEXTS = [item.text for item in CORPUS]
_FRAGMENTS = [text for text in TEXTS if len(text) <= 100]
_PIECES = st.one_of(
    st.sampled_from(_FRAGMENTS), st.text(max_size=12), st.sampled_from("=+-@|<>\"'`{}[]()&%\\\r\n\t\0")
)


def generate_texts(how_many: int) -> st.SearchStrategy[list[str]]:
    """That many texts at once: pieces of the corpus, signs with a meaning, and any text at all."""
    text = st.lists(_PIECES, min_size=1, max_size=4).map("".join)
    return st.lists(text, min_size=how_many, max_size=how_many)
