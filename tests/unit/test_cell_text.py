"""Text of cells: what is dropped, what is kept, and that one text has one form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.cell_text import clean_text, fold_case, fold_text

UNSEEN = "\x00\x01\x08\x0e\x1b\x7f\x84\x86\x9f\u200b\u2060\ufeff\ud800\udfff"
anything = st.text(
    st.characters() | st.sampled_from(UNSEEN + " \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\u2029\u3000ab’")
)


@pytest.mark.parametrize("character", UNSEEN)
def test_characters_that_nobody_sees_are_dropped(character: str) -> None:
    assert clean_text(f"A{character}da") == fold_text(f"{character}Ada") == "Ada"


@pytest.mark.parametrize(
    ("text", "clean", "line"),
    [
        ("", "", ""),
        ("  a  b ", "a b", "a b"),
        (" a\u00a0 b\r\n\r\n c\t", "a b\n\nc", "a b c"),
        ("a\u2028b\u3000c", "a\nb c", "a b c"),
        ("007 ¡zoë!", "007 ¡zoë!", "007 ¡zoë!"),
    ],
)
def test_spaces_and_lines(text: str, clean: str, line: str) -> None:
    assert (clean_text(text), fold_text(text)) == (clean, line)


@settings(deadline=None)
@given(anything)
def test_one_text_has_one_form(text: str) -> None:
    clean, line = clean_text(text), fold_text(text)
    assert clean_text(clean) == clean
    assert fold_text(line) == fold_text(clean) == line
    assert line == " ".join(clean.split())
    assert not re.search(r"[^\S \n]|  |^\s|\s$", clean)
    assert not set(UNSEEN) & set(clean)
    visible = [character for character in text if not character.isspace() and character not in UNSEEN]
    kept = [character for character in line if not character.isspace()]
    assert [character for character in visible if character in kept] == kept


def test_case_and_apostrophes_do_not_count() -> None:
    assert fold_case(" I CAN’T ") == fold_case("i can't")
