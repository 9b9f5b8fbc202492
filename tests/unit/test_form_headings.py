"""Finding the questions of a form among the headings of its tab: exactly, by a pattern, as a grid."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from small_forms import MENTEE, MENTOR, PROGRAM, make_program, make_tab

from mentoring.desk import SheetTab
from mentoring.form_headings import find_columns, find_heading_problems, split_grid_heading


def change_headings(tab: SheetTab, **changes: str) -> SheetTab:
    """The tab with some headings reworded."""
    return SheetTab(tab.name, tuple(changes.get(text, text) for text in tab.headings), tab.rows)


def test_tab_with_headings_and_no_rows_is_fine() -> None:
    assert find_heading_problems(PROGRAM, "mentee", make_tab("mentee")) == []


def test_renamed_heading_suggests_the_closest_one_that_nothing_else_uses() -> None:
    tab = change_headings(make_tab("mentee"), **{"Email Address": "E-mail adress"})
    assert find_heading_problems(PROGRAM, "mentee", tab) == [
        (
            "The tab “Mentee applications” has no column “Email Address”; it has “E-mail adress”. Rename it "
            "back, or change the mapping in program.yaml under forms → mentee → fields → email."
        )
    ]


def test_missing_heading_without_a_likely_successor() -> None:
    tab = make_tab("mentee")
    shorter = SheetTab(tab.name, tuple(text for text in tab.headings if text != "Your goals"))
    assert find_heading_problems(PROGRAM, "mentee", shorter) == [
        (
            "The tab “Mentee applications” has no column “Your goals”. Put it back, or change the mapping in "
            "program.yaml under forms → mentee → fields → goals_text."
        )
    ]


def test_missing_heading_does_not_suggest_a_heading_that_another_field_uses() -> None:
    tab = make_tab("mentee")
    shorter = SheetTab(tab.name, tuple(text for text in tab.headings if text != "Second choice"))
    [problem] = find_heading_problems(PROGRAM, "mentee", shorter)
    assert problem.startswith("The tab “Mentee applications” has no column “Second choice”. Put it back")


def test_doubled_heading() -> None:
    tab = make_tab("mentor")
    doubled = SheetTab(tab.name, (*tab.headings, "Ways  to talk"))
    assert find_heading_problems(PROGRAM, "mentor", doubled) == [
        (
            "The tab “Mentor applications” has the column “Ways to talk” 2 times. Keep the one with the "
            "answers and rename or delete the other."
        )
    ]


def test_blank_and_doubled_headings_that_nothing_uses_are_no_problem() -> None:
    tab = make_tab("mentor")
    wider = SheetTab(tab.name, ("", "Seen?", *tab.headings, "", "Seen?"))
    assert find_heading_problems(PROGRAM, "mentor", wider) == []


def test_tab_without_headings() -> None:
    assert find_heading_problems(PROGRAM, "mentor", SheetTab("Mentor applications", ("", " "))) == [
        (
            "The tab “Mentor applications” has no headings. Write the form's questions into row 1, or link "
            "the form to the spreadsheet again."
        )
    ]


def test_first_row_that_holds_answers_instead_of_headings_gives_one_sentence_without_them() -> None:
    problems = find_heading_problems(
        PROGRAM, "mentor", SheetTab("Mentor applications", ("2027-01-12", "Ada"))
    )
    assert problems == [
        (
            "The tab “Mentor applications” shows none of the form's questions in row 1. Put the row of "
            "headings back, or change the mapping in program.yaml under forms → mentor → fields."
        )
    ]


def test_field_without_a_question_in_the_program() -> None:
    fields = {name: text for name, text in MENTOR.items() if name != "capacity"}
    program = make_program(forms={"mentor": {"tab": "Mentor applications", "fields": fields}})
    assert find_heading_problems(program, "mentor", make_tab("mentor")) == [
        (
            "program.yaml does not say which question of the form “mentor” holds “capacity”. Add it under "
            "forms → mentor → fields."
        )
    ]


def test_form_that_the_program_does_not_describe() -> None:
    assert find_heading_problems(PROGRAM, "request", make_tab("mentor")) == [
        "program.yaml does not describe the form “request”. Add its tab and its fields under forms."
    ]


def test_evaluation_questions_are_found_by_their_own_words() -> None:
    tab = change_headings(make_tab("evaluation"), **{"How well did you fit?": "How did you fit?"})
    assert find_heading_problems(PROGRAM, "evaluation", tab) == [
        (
            "The tab “Evaluations” has no column “How well did you fit?”; it has “How did you fit?”. Rename "
            "it back, or change the mapping in program.yaml under evaluation → fit → text."
        )
    ]


# Patterns and grids


def map_mentee(**fields: Any) -> Any:
    """The small program with other entries in the mentees' mapping."""
    return make_program(forms={"mentee": {"tab": "Mentees", "fields": {**MENTEE, **fields}}})


def make_mentee_tab(*more: str, without: tuple[str, ...] = ()) -> SheetTab:
    """The mentees' headings, some left out, and more of them at the end."""
    headings = [heading for heading in make_tab("mentee").headings if heading not in without]
    return SheetTab("Mentees", (*headings, *more))


CHOICES = ("First choice", "Second choice", "Third choice")
PATTERN = {"goals_text": {"pattern": "(?i)^what do you hope .* 20[0-9]{2}"}}


def test_a_pattern_finds_a_question_that_is_worded_anew_each_year() -> None:
    tab = make_mentee_tab("What do you hope for in 2027?", without=("Your goals",))
    columns = find_columns(map_mentee(**PATTERN), "mentee", tab)
    assert columns.problems == []
    [column] = columns.by_field["goals_text"]
    assert (column.place, column.question) == (len(tab.headings) - 1, "What do you hope for in 2027?")
    assert columns.name_question("goals_text") == "What do you hope for in 2027?"


def test_a_pattern_that_fits_nothing_or_several_is_a_problem_and_never_a_guess() -> None:
    program = map_mentee(**PATTERN)
    assert find_heading_problems(program, "mentee", make_mentee_tab(without=("Your goals",))) == [
        "The tab “Mentees” has no column that fits the pattern “(?i)^what do you hope .* 20[0-9]{2}”. Put it back, "
        "or change the pattern in program.yaml under forms → mentee → fields → goals_text."
    ]
    both = make_mentee_tab("What do you hope for in 2027?", "What do you hope for in 2026?")
    assert find_heading_problems(program, "mentee", both) == [
        "On the tab “Mentees” several columns fit the pattern “(?i)^what do you hope .* 20[0-9]{2}”: “What do you hope "
        "for in 2027?” and “What do you hope for in 2026?”. Rename the one that is not meant, or narrow the pattern in "
        "program.yaml under forms → mentee → fields → goals_text."
    ]


def test_a_pattern_leaves_alone_what_another_field_asks_for_letter_by_letter() -> None:
    tab = make_mentee_tab("Time you have", without=("Your goals",))
    columns = find_columns(map_mentee(goals_text={"pattern": "^Time"}), "mentee", tab)
    assert columns.name_question("goals_text") == "Time you have"
    assert columns.name_question("time_zone") == "Time zone"


def test_one_column_never_serves_two_patterns() -> None:
    program = map_mentee(goals_text={"pattern": "hopes"}, library_type={"pattern": "^Your"})
    tab = make_mentee_tab("Your hopes", without=("Your goals", "Library type"))
    assert find_heading_problems(program, "mentee", tab) == [
        "On the tab “Mentees” the column “Your hopes” fits the patterns of goals_text and of library_type. Narrow one "
        "of them in program.yaml."
    ]


@pytest.mark.parametrize("entry", ["Rank the topics [*]", {"grid": "Rank the topics"}])
def test_a_grid_has_a_column_for_each_of_its_rows_in_the_order_of_the_sheet(entry: Any) -> None:
    tab = make_mentee_tab("Rank the topics [First]", "Notes", "Rank  the topics [Second]", without=CHOICES)
    columns = find_columns(map_mentee(topics_wanted=entry), "mentee", tab)
    assert columns.problems == []
    assert [column.row for column in columns.by_field["topics_wanted"]] == ["First", "Second"]
    assert columns.name_question("topics_wanted") == "Rank the topics"


def test_a_grid_that_is_not_there_or_has_a_doubled_row() -> None:
    program = map_mentee(topics_wanted="Rank the topics [*]")
    assert find_heading_problems(program, "mentee", make_mentee_tab(without=CHOICES)) == [
        "The tab “Mentees” has no columns of the grid “Rank the topics”; their headings look like “Rank the topics "
        "[Row]”. Put them back, or change the mapping in program.yaml under forms → mentee → fields → topics_wanted."
    ]
    doubled = make_mentee_tab("Rank the topics [First]", "Rank the topics [First]", without=CHOICES)
    assert find_heading_problems(program, "mentee", doubled) == [
        "The tab “Mentees” has the column “Rank the topics [First]” 2 times. Keep the one with the answers and rename "
        "or delete the other."
    ]


def test_a_grid_of_options_must_have_the_programs_options_as_rows() -> None:
    program = map_mentee(topics_wanted={"grid": "Rank", "choose": ["1", "2"]})
    tab = make_mentee_tab("Rank [jobs]", "Rank [Knitting]", without=CHOICES)
    assert find_heading_problems(program, "mentee", tab) == [
        "The grid “Rank” on the tab “Mentees” has the row “Knitting”, which program.yaml does not offer. Add it to the "
        "list there that the form's rows stand in, or correct it in the form."
    ]


@pytest.mark.parametrize(
    ("heading", "parts"),
    [
        ("Rank the topics [First choice]", ("Rank the topics", "First choice")),
        ("Rank [1] [2]", ("Rank [1]", "2")),
        ("Rank[2]", ("Rank", "2")),
        ("[2]", None),
        ("Rank []", None),
        ("Rank [2] please", None),
    ],
)
def test_headings_of_a_grid(heading: str, parts: Any) -> None:
    assert split_grid_heading(heading) == parts


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"pattern": "(unclosed"}, "the pattern can't be read"),
        ({"pattern": ""}, "at least 1 character"),
        ({"grid": ""}, "at least 1 character"),
        ({"pattern": "x", "grid": "y"}, "Extra inputs"),
        ({"patern": "x"}, "Write the question, or {pattern: …} for a heading that changes, or {grid: …}"),
        (7, "valid string"),
        (None, "valid string"),
    ],
)
def test_an_entry_that_means_nothing_is_refused(entry: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        map_mentee(goals_text=entry)


def test_only_fields_that_can_be_matched_without_may_take_other_words() -> None:
    form = {"tab": "Mentees", "fields": MENTEE}
    assert make_program(forms={"mentee": {**form, "other": ["focus_areas"]}})
    with pytest.raises(ValidationError, match="mentee → other names “time_zone”, which takes no other words"):
        make_program(forms={"mentee": {**form, "other": ["time_zone"]}})
