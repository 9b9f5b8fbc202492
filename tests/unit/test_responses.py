"""Reading form responses: answers by field, edited rows and columns, and fingerprints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_forms import MENTEE, MENTOR, PROGRAM, make_program, make_tab

from mentoring.desk import SheetRow, SheetTab
from mentoring.responses import Response, read_responses


def read_one(form: Any, **answers: str) -> Response:
    """Read one row; keyword spaces are underscores of the heading."""
    [response] = read_responses(PROGRAM, form, make_tab(form, answers))
    return response


def test_reading_a_tab_with_wrong_headings_is_refused() -> None:
    with pytest.raises(ValueError, match="has no headings"):
        read_responses(PROGRAM, "mentor", SheetTab("Mentor applications", ()))


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


def test_rankings_that_begin_alike_are_read_each_for_itself() -> None:
    rows = [{"First choice": "Jobs", "Second choice": topic} for topic in ("Metadata", "", "jobs")]
    read = read_responses(PROGRAM, "mentee", make_tab("mentee", *rows))
    assert [one.answers["topics_wanted"] for one in read] == ["Jobs; Metadata", "Jobs", "Jobs; Jobs"]


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


def test_fingerprint_is_the_one_that_databases_hold() -> None:
    # A response is known again by its fingerprint: made otherwise, a whole year would come in anew.
    written = [
        ["code_of_conduct", ["Oui"]],
        ["email", ["zoe@example.org"]],
        ["goals_text", ["One line and “another” \\"]],
        ["name", ["Zoë", "Ünal"]],
        ["topics_wanted", ["Jobs", "", "Vendors"]],
    ]
    row = {
        "Email Address": " zoe@example.org",
        "First name": "Zoë ",
        "Last name": "Ünal",
        "Your goals": "One  line\r\n and “another” \\",
        "Code of Conduct": "Oui",
        "First choice": "Jobs",
        "Third choice": "Vendors",
    }
    expected = sha256(json.dumps(["mentee", written]).encode()).hexdigest()[:32]
    assert read_one("mentee", **row).key == expected


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


# Forms as they change


def map_mentee(**fields: Any) -> Any:
    """The small program with other entries in the mentees' mapping."""
    return make_program(forms={"mentee": {"tab": "Mentees", "fields": {**MENTEE, **fields}}})


def make_mentees(headings: dict[str, str], *rows: dict[str, str]) -> SheetTab:
    """A tab with the mentees' other headings and these."""
    others = [heading for heading in make_tab("mentee").headings if "choice" not in heading]
    names = (*others, *headings)
    return SheetTab(
        "Mentees",
        names,
        tuple(
            SheetRow(
                number,
                tuple(
                    ({"Email Address": "ada@example.org"} | headings | row).get(name, "") for name in names
                ),
            )
            for number, row in enumerate(rows, 2)
        ),
    )


RANKED = map_mentee(
    topics_wanted={"grid": "Rank", "choose": ["First choice", "Second choice", "Third choice"]}
)
GRID = {"Rank [Metadata]": "", "Rank [Jobs]": "", "Rank [Vendors, and how to talk with them]": ""}


@pytest.mark.parametrize(
    ("cells", "wanted", "trouble"),
    [
        (["Second choice", "first choice", ""], "Jobs; Metadata", None),
        (["Third choice", "", "First choice"], "Vendors, and how to talk with them; Metadata", None),
        (["Not interested", "No", ""], "", None),
        (["First choice", "First choice", ""], "Metadata; Jobs", "“Metadata” and “Jobs” have the same place"),
        (["Second choice, First choice", "Second choice", ""], "Metadata; Jobs", None),
    ],
)
def test_a_grid_of_topics_is_read_as_a_ranking(cells: list[str], wanted: str, trouble: str | None) -> None:
    [response] = read_responses(RANKED, "mentee", make_mentees(GRID, dict(zip(GRID, cells, strict=True))))
    assert response.answers["topics_wanted"] == wanted
    assert response.troubles.get("topics_wanted") == trouble


def test_a_grid_of_places_is_read_in_the_order_of_its_columns() -> None:
    program = map_mentee(topics_wanted="Rank [*]")
    places = {
        "Rank [First]": "Jobs",
        "Rank [Second]": "Vendors, and how to talk with them",
        "Rank [Third]": "jobs",
    }
    [response] = read_responses(program, "mentee", make_mentees(places, {}))
    assert response.answers["topics_wanted"] == "Jobs; Vendors, and how to talk with them; Jobs"


def test_fingerprint_stays_when_rows_of_a_grid_are_added_or_moved() -> None:
    ticked = {"Rank [Jobs]": "First choice", "Rank [Metadata]": "Second choice"}
    [one] = read_responses(RANKED, "mentee", make_mentees(GRID, ticked))
    [moved] = read_responses(RANKED, "mentee", make_mentees(dict(reversed(GRID.items())), ticked))
    [fewer] = read_responses(RANKED, "mentee", make_mentees(dict.fromkeys(ticked, ""), ticked))
    [other] = read_responses(RANKED, "mentee", make_mentees(GRID, {"Rank [Metadata]": "First choice"}))
    assert one.key == moved.key == fewer.key
    assert one.key != other.key


def test_fingerprint_stays_when_a_question_found_by_a_pattern_is_worded_anew() -> None:
    fields = {**MENTOR, "topics_offered": {"pattern": "^Topics"}}
    program = make_program(forms={"mentor": {"tab": "T", "fields": fields}})
    tab = make_tab("mentor", {**ROW, "Topics": "Jobs"})
    anew = SheetTab(
        "T", tuple("Topics 2028" if name == "Topics" else name for name in tab.headings), tab.rows
    )
    assert read_responses(program, "mentor", anew)[0].answers["topics_offered"] == "Jobs"
    assert read_responses(program, "mentor", anew)[0].key == read_responses(PROGRAM, "mentor", tab)[0].key


@settings(deadline=None)
@given(st.data())
def test_inserted_columns_moved_columns_and_blank_rows_change_no_answer(data: Any) -> None:
    tab = make_tab(
        "mentor", ROW, {**ROW, "Email Address": "b@example.org", "Areas": "Acquisitions, serials, Serials"}
    )
    places = data.draw(st.permutations(range(len(tab.headings) + 2)))
    texts = [(*tab.headings, "Seen?", ""), *[(*row.cells, "x", "y") for row in tab.rows]]
    wider = [tuple(row[place] for place in places) for row in texts]
    blank = tuple("x" if heading == "Seen?" else " " if heading else "" for heading in wider[0])
    numbers = sorted(data.draw(st.lists(st.integers(2, 99), min_size=3, max_size=3, unique=True)))
    order = data.draw(st.permutations([*wider[1:], blank]))
    rows = tuple(SheetRow(number, row) for number, row in zip(numbers, order, strict=True))
    read = read_responses(PROGRAM, "mentor", SheetTab(tab.name, wider[0], rows))
    assert {(one.key, str(one.answers)) for one in read} == {
        (one.key, str(one.answers)) for one in read_responses(PROGRAM, "mentor", tab)
    }
    assert [one.row for one in read] == [row.number for row in rows if row.cells != blank]


def test_times_typed_as_text_are_read_when_the_tab_tells_how() -> None:
    stamps = ["1/12/2027 9:14:03", "1/31/2027 10:00:00", "2027-01-15 09:00:00"]
    tab = make_tab("mentor", *({**ROW, "Timestamp": text} for text in stamps))
    assert [one.submitted_at for one in read_responses(PROGRAM, "mentor", tab)] == [
        datetime(2027, 1, 12, 14, 14, 3, tzinfo=UTC),
        datetime(2027, 1, 31, 15, 0, tzinfo=UTC),
        datetime(2027, 1, 15, 14, 0, tzinfo=UTC),
    ]


def test_a_typed_time_that_could_be_two_days_is_left_unread_and_says_so() -> None:
    response = read_one("mentor", **{**ROW, "Timestamp": "1/12/2027 9:14:03"})
    assert response.submitted_at is None
    assert response.troubles == {"submitted_at": "can mean two different days"}
    assert read_one("mentor", **{**ROW, "Timestamp": "soon"}).troubles == {}


def test_an_address_has_one_key() -> None:
    assert read_one("mentor", **{"Email Address": " ADA@Example.org"}).address == "ada@example.org"
    assert read_one("mentor", **{"Email Address": "ada at example.org"}).address is None
