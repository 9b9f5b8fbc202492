"""Reading form responses: headings, choices, times, time zones, addresses and fingerprints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentoring.desk import SheetRow, SheetTab
from mentoring.program import Program
from mentoring.responses import (
    Response,
    check_address,
    find_heading_problems,
    list_questions,
    match_option,
    normalise_address,
    read_responses,
    read_time,
    read_time_zone,
    split_choices,
)

BOTH = {
    "submitted_at": "Timestamp",
    "email": "Email Address",
    "action": "Apply or withdraw?",
    "name": ["First name", "Last name"],
    "years_experience": "Years in libraries",
    "focus_areas": "Areas",
    "channels": "Ways to talk",
    "time_zone": "Time zone",
    "languages": "Languages",
    "code_of_conduct": "Code of Conduct",
}
MENTEE = {
    **BOTH,
    "topics_wanted": ["First choice", "Second choice", "Third choice"],
    "goals_text": "Your goals",
    "share_consent": "What may your mentor see?",
    "library_type": "Library type",
}
MENTOR = {**BOTH, "capacity": "How many mentees?", "topics_offered": "Topics"}
EVALUATION = [
    {"id": "fit", "text": "How well did you fit?", "kind": "scale"},
    {"id": "again", "text": "Again?", "kind": "choice", "choices": ["Yes, gladly", "No"]},
    {"id": "useful", "text": "Useful months", "kind": "multiple", "choices": ["Jobs, and how", "Metadata"]},
    {"id": "improve", "text": "What to improve", "kind": "text"},
]


def make_program(**changes: Any) -> Program:
    """A small program whose options hold commas, as real ones do."""
    settings: dict[str, Any] = {
        "name": "Program",
        "association": "Association",
        "committee_address": "committee@example.org",
        "sender": {"name": "Committee", "address": "committee@example.org"},
        "links": {
            link: f"https://example.org/{link}"
            for link in (
                "code_of_conduct",
                "guidelines",
                "mentor_form",
                "mentee_form",
                "request_form",
                "check_in_form",
                "evaluation_form",
            )
        },
        "time_zone": "America/New_York",
        "focus_areas": ["Cataloging", "Acquisitions, serials", "Serials"],
        "library_types": ["Law, health or corporate library", "Public library"],
        "channels": ["E-mail", "Phone"],
        "topics": ["Jobs", "Vendors, and how to talk with them", "Metadata"],
        "time_zones": {"Pacific (Los Angeles, Vancouver)": "America/Los_Angeles"},
        "forms": {
            "mentor": {"tab": "Mentor applications", "fields": MENTOR},
            "mentee": {"tab": "Mentee applications", "fields": MENTEE},
            "evaluation": {
                "tab": "Evaluations",
                "fields": {"submitted_at": "Timestamp", "token": "Reference", "comment": "Else?"},
            },
        },
        "evaluation": EVALUATION,
        "cohorts": {
            "2027": {
                "applications_open": "2027-01-11",
                "applications_close": "2027-02-12",
                "starts": "2027-03-01",
                "ends": "2027-11-30",
                "evaluation_opens": "2027-11-15",
                "evaluation_due": "2027-12-10",
            }
        },
    }
    return Program.model_validate(settings | changes)


PROGRAM = make_program()


def make_tab(form: Any, *rows: dict[str, str], name: str = "") -> SheetTab:
    """A tab with the form's headings and rows given by heading, from row 2 on."""
    headings = tuple(text for texts in list_questions(PROGRAM, form).values() for text in texts)
    return SheetTab(
        name or PROGRAM.forms[form].tab,
        headings,
        tuple(
            SheetRow(number, tuple(row.get(heading, "") for heading in headings))
            for number, row in enumerate(rows, 2)
        ),
    )


def read_one(form: Any, **answers: str) -> Response:
    """Read one row; keyword spaces are underscores of the heading."""
    [response] = read_responses(PROGRAM, form, make_tab(form, answers))
    return response


# Headings


def change_headings(tab: SheetTab, **changes: str) -> SheetTab:
    """The tab with some headings reworded."""
    return SheetTab(tab.name, tuple(changes.get(text, text) for text in tab.headings), tab.rows)


def test_tab_with_headings_and_no_rows_is_fine() -> None:
    assert find_heading_problems(PROGRAM, "mentee", make_tab("mentee")) == []
    assert read_responses(PROGRAM, "mentee", make_tab("mentee")) == []


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


def test_reading_a_tab_with_wrong_headings_is_refused() -> None:
    with pytest.raises(ValueError, match="has no headings"):
        read_responses(PROGRAM, "mentor", SheetTab("Mentor applications", ()))


# Responses


def test_response_of_a_mentee() -> None:
    response = read_one(
        "mentee",
        **{
            "Timestamp": "2027-01-12 09:14:03",
            "Email Address": " Ada@Example.org ",
            "Apply or withdraw?": "apply",
            "First name": "Ada ",
            "Last name": " Love\u00a0 lace",
            "Years in libraries": "007",
            "Areas": "Cataloging, Acquisitions, serials, Zines",
            "Ways to talk": "phone, E-mail",
            "Time zone": "pacific (Los Angeles,  Vancouver)",
            "Languages": "English, Español; Deutsch",
            "Code of Conduct": "Yes",
            "First choice": "Vendors, and how to talk with them",
            "Third choice": "jobs",
            "Your goals": "One  line\r\n\r\nand  another ",
            "What may your mentor see?": "My goals, My telephone number",
            "Library type": "Law, Health or Corporate Library",
        },
    )
    assert (response.form, response.row, response.email) == ("mentee", 2, "Ada@Example.org")
    assert response.submitted_at == datetime(2027, 1, 12, 14, 14, 3, tzinfo=UTC)
    assert not response.is_withdrawal
    filled = {name: text for name, text in response.answers.items() if text}
    assert filled == {
        "submitted_at": "2027-01-12 09:14:03",
        "email": "Ada@Example.org",
        "action": "Apply",
        "name": "Ada Love lace",
        "years_experience": "007",
        "focus_areas": "Cataloging; Acquisitions, serials; Zines",
        "channels": "Phone; E-mail",
        "time_zone": "America/Los_Angeles",
        "languages": "English; Español; Deutsch",
        "code_of_conduct": "Yes",
        "topics_wanted": "Vendors, and how to talk with them; Jobs",
        "goals_text": "One line\n\nand another",
        "share_consent": "My goals; My telephone number",
        "library_type": "Law, health or corporate library",
    }


def test_fields_that_the_form_does_not_ask_for_are_empty_text() -> None:
    response = read_one("mentor", **{"Email Address": "ada@example.org"})
    assert response.answers["phone"] == response.answers["experience_text"] == ""
    assert response.submitted_at is None


def test_ranking_keeps_repeats_and_checkboxes_do_not() -> None:
    response = read_one(
        "mentee", **{"First choice": "Jobs", "Second choice": "jobs", "Ways to talk": "Phone, phone"}
    )
    assert response.answers["topics_wanted"] == "Jobs; Jobs"
    assert response.answers["channels"] == "Phone"


def test_evaluation_answers_by_the_kind_of_their_question() -> None:
    response = read_one(
        "evaluation",
        **{
            "Reference": "abc",
            "How well did you fit?": "4",
            "Again?": "yes, gladly",
            "Useful months": "Jobs, and how, Metadata",
            "What to improve": "More time\nMore tea",
        },
    )
    assert response.email == ""
    assert {name: response.answers[name] for name in ("fit", "again", "useful", "improve")} == {
        "fit": "4",
        "again": "Yes, gladly",
        "useful": "Jobs, and how; Metadata",
        "improve": "More time\nMore tea",
    }


def test_withdrawal() -> None:
    assert read_one("mentor", **{"Apply or withdraw?": "Withdraw my application"}).is_withdrawal


def test_rows_without_any_answer_are_left_out_and_numbers_stay() -> None:
    tab = make_tab("mentor", {"Email Address": "a@example.org"}, {}, {"Email Address": "b@example.org"})
    noted = SheetTab(
        tab.name, (*tab.headings, "Seen?"), tuple(SheetRow(row.number, (*row.cells, "x")) for row in tab.rows)
    )
    assert [response.row for response in read_responses(PROGRAM, "mentor", noted)] == [2, 4]


def test_invisible_characters_are_dropped() -> None:
    response = read_one("mentor", **{"First name": "A\u200bda\x00", "Last name": "Love\tlace\ufeff\ud800"})
    assert response.answers["name"] == "Ada Love lace"


def test_repr_shows_no_personal_data() -> None:
    response = read_one("mentor", **{"Email Address": "ada@example.org", "First name": "Ada"})
    assert "ada" not in repr(response).lower()


# Fingerprints

ROW = {
    "Timestamp": "2027-01-12 09:14:03",
    "Email Address": "ada@example.org",
    "Areas": "Serials",
    "First name": "A",
}


def test_fingerprint_stays_when_rows_move_and_spaces_change() -> None:
    moved = make_tab("mentor", {"Email Address": "other@example.org"}, {**ROW, "Areas": "  Serials\u00a0"})
    key = read_one("mentor", **ROW).key
    assert read_responses(PROGRAM, "mentor", moved)[1].key == key
    assert len(key) == 32
    assert set(key) <= set("0123456789abcdef")


def test_fingerprint_stays_when_the_program_learns_a_spelling_or_a_question() -> None:
    key = read_one("mentor", **ROW).key
    fields = {**MENTOR, "pronouns": "Pronouns"}
    program = make_program(focus_areas=["SERIALS"], forms={"mentor": {"tab": "T", "fields": fields}})
    tab = make_tab("mentor", ROW)
    wider = SheetTab("T", (*tab.headings, "Pronouns"), (SheetRow(9, (*tab.rows[0].cells, "")),))
    [response] = read_responses(program, "mentor", wider)
    assert response.answers["focus_areas"] == "SERIALS"
    assert response.key == key


@pytest.mark.parametrize(
    "change",
    [{"Timestamp": "2027-01-12 09:14:04"}, {"Areas": "serials"}, {"First name": "", "Last name": "A"}],
)
def test_fingerprint_changes_with_any_answer(change: dict[str, str]) -> None:
    assert read_one("mentor", **ROW).key != read_one("mentor", **{**ROW, **change}).key


def test_fingerprint_differs_between_forms() -> None:
    assert read_one("mentor", **ROW).key != read_one("mentee", **ROW).key


def test_fingerprint_is_the_same_in_every_release() -> None:
    assert read_one("mentor", **ROW).key == "06da34c4bc2e318f6859289b452ec7f6"


# Choices

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


@given(st.lists(words, max_size=6))
def test_unknown_words_are_never_lost(pieces: list[str]) -> None:
    assert split_choices(", ".join(pieces), ["a", "b, c"]) == split_choices("; ".join(pieces), ["a", "b, c"])
    assert ", ".join(split_choices(", ".join(pieces), ["a", "b, c"])) == ", ".join(pieces)


def test_option_in_other_case_and_with_a_typographic_apostrophe() -> None:
    assert match_option("i can’t go  on", ["Apply", "I can't go on"]) == "I can't go on"
    assert match_option("Something else", ["Apply"]) == "Something else"


# Times and time zones

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-12 09:14:03", "2027-01-12 14:14:03"),
        ("2027-01-12T09:14:03Z", "2027-01-12 09:14:03"),
        ("2027-01-12 09:14:03+01:00", "2027-01-12 08:14:03"),
        ("2027-01-12", "2027-01-12 05:00:00"),
        ("1/12/2027 9:14:03", "2027-01-12 14:14:03"),
        ("1/12/2027 9:14", "2027-01-12 14:14:00"),
        ("7/12/2027 9:14:03 PM", "2027-07-13 01:14:03"),
        ("12.01.2027 09:14:03", "2027-01-12 14:14:03"),
        ("2027-03-14 02:30:00", "2027-03-14 07:30:00"),  # skipped by the clock that night
        ("2027-11-07 01:30:00", "2027-11-07 05:30:00"),  # happens twice; the first counts
    ],
)
def test_read_time(text: str, moment: str) -> None:
    assert read_time(text, NEW_YORK) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "13/13/2027 9:14:03", "2027-02-31 09:00:00", "9999-12-31 23:00:00"]
)
def test_time_that_cannot_be_read(text: str) -> None:
    assert read_time(text, NEW_YORK) is None


@given(st.text(max_size=30))
def test_read_time_never_fails(text: str) -> None:
    moment = read_time(text, NEW_YORK)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Pacific  (los angeles, vancouver)", "America/Los_Angeles"),
        ("europe/berlin", "Europe/Berlin"),
        ("Mars", "Mars"),
        ("", ""),
    ],
)
def test_read_time_zone(text: str, zone: str) -> None:
    assert read_time_zone(text, PROGRAM.time_zones) == zone


# Addresses


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (" ADA@Example.ORG ", "ada@example.org"),
        ("\uff41\uff44\uff41\uff20example.org", "ada@example.org"),
        ("zoë@exämple.org", "zoë@xn--exmple-cua.org"),
        ("ZOE\u0308@XN--EXMPLE-CUA.org", "zoë@xn--exmple-cua.org"),
        ("ada@library.example", "ada@library.example"),
        ("ada+news@example.net", "ada+news@example.net"),
    ],
)
def test_normalise_address(text: str, key: str) -> None:
    assert normalise_address(text) == key
    assert check_address(text) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The e-mail address is empty."),
        ("maria.gomez(at)example.org", "An e-mail address must have an @-sign."),
        ("someone@example", "The part after the @-sign is not valid. It should have a period."),
        ("a@example.org, b@example.org", "There must be one address only."),
        (
            "Ada <ada@example.org>",
            "A display name and angle brackets around the e-mail address are not permitted here.",
        ),
        ("ada@example.org\nBcc: b@example.org", "There must be one address only."),
        ("@example.org", "There must be something before the @-sign."),
    ],
)
def test_check_address(text: str, sentence: str) -> None:
    assert check_address(text) == sentence
    assert normalise_address(text) is None


@given(st.emails() | st.text(max_size=20) | st.text(max_size=6).map("{}@example.org".format))
def test_address_has_a_key_exactly_if_nothing_is_wrong_with_it(text: str) -> None:
    key = normalise_address(text)
    assert (key is None) == (check_address(text) is not None)
    if key is not None:
        assert normalise_address(key) == key
        assert normalise_address(f" {text.upper()} ") in (key, None)
        assert not set(key) & set(' \r\n,;<>"')
