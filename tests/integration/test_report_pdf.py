"""The board's report as PDF: the page's figures, accessible, the same every time, and whatever people wrote."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from mentoring.evaluation import Answer, EvaluationSummary, Participant, summarise_evaluation
from mentoring.program import Program
from tasks.report_pdf import describe_report, write_pdf

PROGRAM = Program.model_validate(
    yaml.safe_load(
        (Path(__file__).parents[2] / "deployments/programs/sample/program.yaml").read_text(encoding="utf-8")
    )
)
MADE_ON = date(2027, 12, 12)


def summarise(pairs: int, words: str = "Somebody who listened.") -> EvaluationSummary:
    given = {
        "satisfaction": "4", "fit": "5", "contact_frequency": "Monthly", "useful_topics": "Talking with vendors",
        "most_valuable": words, "quote_consent": "Yes",
    }  # fmt: skip
    people: list[tuple[str, Any, str]] = [
        (f"{role}-{n}", role, f"match-{n}") for n in range(pairs) for role in ("mentor", "mentee")
    ]
    return summarise_evaluation(
        [Participant(*person, has_answered=True) for person in people],
        [Answer(*person, given) for person in people],
        PROGRAM.evaluation,
        [("2027-07", "Talking with vendors")],
        {"introduced": pairs, "applications.mentor": pairs, "applications.mentee": pairs},
    )


def read_objects(pdf: bytes) -> bytes:
    """Everything in the file that is not a picture or a font, unpacked."""
    unpacked = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with suppress(zlib.error):
            unpacked.append(zlib.decompress(stream))
    return b"\n".join(unpacked)


def list_words(facts: Any) -> list[str]:
    """Every text in what the PDF is made of."""
    if isinstance(facts, dict):
        return [word for value in facts.values() for word in list_words(value)]
    if isinstance(facts, list):
        return [word for value in facts for word in list_words(value)]
    return [facts] if isinstance(facts, str) else []


def test_it_says_what_the_page_says() -> None:
    facts = describe_report(summarise(7), PROGRAM, "2027", MADE_ON)
    words = list_words(facts)
    assert facts["title"] == "Serials & Metadata Mentoring Program 2027: how the year went"
    assert "Somebody who listened." in words
    said = next(section for section in facts["sections"] if section["title"] == "What people said")
    mentors = ["Mentors", "0", "0", "0", "7", "0", "4.0", "4", "100%", "65% to 100%"]
    assert mentors in said["parts"][0]["rows"]
    assert said["parts"][0]["bars"][1] == {"label": "Mentors", "counts": [0, 0, 0, 7, 0], "value": "n = 7"}
    topics = next(section for section in facts["sections"] if section["title"] == "Which topics were useful")
    talking = next(row for row in topics["parts"][0]["rows"] if row[0] == "Talking with vendors")
    assert talking == ["Talking with vendors", "14", "100%", "78% to 100%", "100%", "100%"]


def test_it_is_an_accessible_pdf_and_the_same_every_time() -> None:
    pdf = write_pdf(summarise(7), PROGRAM, "2027", MADE_ON)
    assert pdf.startswith(b"%PDF-1.7")
    objects = read_objects(pdf)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in objects
    assert objects.count(b"/S/Table") >= 8
    assert pdf == write_pdf(summarise(7), PROGRAM, "2027", MADE_ON)


def test_small_groups_are_in_no_table() -> None:
    facts = describe_report(summarise(2), PROGRAM, "2027", MADE_ON)
    assert "Fewer than 5 answers are too few to show without giving people away." in facts["sentences"]
    assert "What people said" not in [section["title"] for section in facts["sections"]]
    assert write_pdf(summarise(2), PROGRAM, "2027", MADE_ON).startswith(b"%PDF")


@pytest.mark.parametrize(
    "words",
    ["#panic() $x$ *bold* <label> @ref \\u{41}", "図書館 ספרייה مكتبة", "\ue000 \U0010fffd unknown", "🎉"],
)
def test_whatever_people_wrote_is_text_and_costs_no_report(words: str) -> None:
    summary = summarise(5, words)
    assert summary.quotes[0].quotes[0].text in list_words(describe_report(summary, PROGRAM, "2027", MADE_ON))
    assert write_pdf(summary, PROGRAM, "2027", MADE_ON).startswith(b"%PDF")


def test_nobody_invited_still_gives_a_report() -> None:
    summary = replace(summarise(0), year_counts={})
    assert write_pdf(summary, PROGRAM, "2027", MADE_ON).startswith(b"%PDF")
