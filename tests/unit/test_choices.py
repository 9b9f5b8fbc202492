"""Reading choices out of the text that a form made of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.choices import match_option, split_choices

OPTIONS = ["A", "A, B", "B, C", "D; E", "Long option, with commas, and more"]


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("", []),
        (" , ;", []),
        ("a", ["A"]),
        ("A, B, C", ["A", "B, C"]),
        ("A, B", ["A, B"]),
        ("D; E, A", ["D; E", "A"]),
        ("Long option, with commas, and more, Else", ["Long option, with commas, and more", "Else"]),
        ("Long option, with commas", ["Long option", "with commas"]),
        ("Else;A\nB,C", ["Else", "A", "B, C"]),
    ],
)
def test_split_choices(text: str, choices: list[str]) -> None:
    assert split_choices(text, OPTIONS) == choices


words = st.text("abcxyz '", min_size=1, max_size=4).map(lambda word: " ".join(word.split())).filter(bool)


@settings(deadline=None)
@given(
    st.lists(st.lists(words, min_size=1, max_size=3).map(", ".join), unique=True, min_size=1, max_size=6),
    st.data(),
)
def test_known_options_joined_by_commas_are_read_without_unknown_pieces(
    options: list[str], data: Any
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(options)))
    read = split_choices(", ".join(chosen), options)
    assert set(read) <= set(options)
    assert ", ".join(read) == ", ".join(chosen)
    assert len(read) <= len(chosen)


@settings(deadline=None)
@given(st.lists(words, max_size=6))
def test_unknown_words_are_never_lost(pieces: list[str]) -> None:
    assert split_choices(", ".join(pieces), ["a", "b, c"]) == split_choices("; ".join(pieces), ["a", "b, c"])
    assert ", ".join(split_choices(", ".join(pieces), ["a", "b, c"])) == ", ".join(pieces)


def test_option_in_other_case_and_with_a_typographic_apostrophe() -> None:
    assert match_option("i can’t go  on", ["Apply", "I can't go on"]) == "I can't go on"
    assert match_option("Something else", ["Apply"]) == "Something else"


unmistakable = st.lists(words.filter(lambda word: "," not in word), min_size=1, max_size=12, unique=True)


@settings(deadline=None)
@given(unmistakable, st.data())
def test_any_subset_of_options_with_commas_reads_back_as_it_was_ticked(pieces: list[str], data: Any) -> None:
    # No piece stands in two options: then there is one way to read, whatever the form joined.
    options: list[str] = []
    while pieces:
        size = data.draw(st.integers(1, 3))
        options.append(", ".join(pieces[:size]))
        pieces = pieces[size:]
    ticked = data.draw(st.lists(st.sampled_from(options), unique=True))
    assert split_choices(", ".join(ticked), options) == ticked


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(OPTIONS[3:]), unique=True),
    words.filter(lambda word: word.casefold() not in "abc"),
)
def test_other_words_come_after_the_options_that_were_ticked(ticked: list[str], other: str) -> None:
    assert split_choices(", ".join([*ticked, other]), OPTIONS) == [*ticked, other]


@settings(deadline=None)
@given(
    st.lists(st.lists(words, min_size=1, max_size=3).map(", ".join), max_size=5),
    st.text("abcxyz ,;", max_size=20),
)
def test_reading_loses_no_word_and_is_the_same_when_read_again(options: list[str], text: str) -> None:
    read = split_choices(text, options)
    assert re.findall(r"\w+", " ".join(read).casefold()) == re.findall(r"\w+", text.casefold())
    assert split_choices("; ".join(read), options) == read
