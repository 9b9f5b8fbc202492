"""Texts that a spreadsheet program could run are recognised whatever stands before them, and only those."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentoring.formulas import acts_as_formula, guard_formula

INVISIBLE = st.text(
    alphabet="\t\r\n \u00a0\u2003\u3000\u200b\u200e\u2060\ufeff\x00\x1f\x7f\u00ad", max_size=5
)


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://example.org","click")',
        "+1 808 555 0100",
        "-Interested in cataloguing",
        "@SUM(A1)",
        "|cmd",
        "%0A",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        " =1+1",
        "\u00a0=1+1",
        "\ufeff=1+1",
        "＝1+1",
        "＋1",
        "－1",
        "＠a",
        "﹦1",
    ],
)
def test_text_that_a_program_could_run_is_marked(text: str) -> None:
    assert acts_as_formula(text)
    assert guard_formula(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["", " ", "007", "1e5", "02139", "a=b", "'=1", "佐藤 美咲", "–5", "Why not?", "\n"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert not acts_as_formula(text)
    assert guard_formula(text) == text


@given(INVISIBLE, st.sampled_from("=+-@|%＝＋－＠"), st.text())
def test_nothing_invisible_hides_a_formula(before: str, sign: str, rest: str) -> None:
    assert acts_as_formula(before + sign + rest)


@given(st.text())
def test_a_guarded_text_is_harmless_and_keeps_its_words(text: str) -> None:
    guarded = guard_formula(text)
    assert not acts_as_formula(guarded)
    assert guarded.removeprefix("'") == text.removeprefix("'") or guarded == text
    assert len(guarded) - len(text) == acts_as_formula(text)
