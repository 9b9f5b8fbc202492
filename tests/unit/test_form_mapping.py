"""Proposing a mapping: what is placed, how surely, and that nothing is guessed in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from small_forms import MENTEE, MENTOR, PROGRAM, make_program, make_tab

from mentoring.desk import SheetTab
from mentoring.form_fields import list_forms
from mentoring.form_headings import find_heading_problems
from mentoring.form_mapping import FormProposal, propose_mapping
from mentoring.form_mapping_text import quote_text, write_mapping
from mentoring.form_questions import Form
from mentoring.program import Program

SAMPLE = Path(__file__).parents[2] / "deployments" / "programs" / "sample" / "program.yaml"
SAMPLE_PROGRAM = Program.model_validate(yaml.safe_load(SAMPLE.read_text(encoding="utf-8")))


def list_headings(program: Program, form: Any) -> list[str]:
    """The questions of a form as the sample maps them, letter by letter."""
    entries = program.forms[form].fields.values()
    return [text for entry in entries for text in ([entry] if isinstance(entry, str) else entry)]


SHEET = {form.tab: list_headings(SAMPLE_PROGRAM, name) for name, form in SAMPLE_PROGRAM.forms.items()}


def propose(form: str, headings: list[str], program: Program = SAMPLE_PROGRAM) -> FormProposal:
    """The proposal for one form whose tab has its usual name."""
    proposal = propose_mapping({program.forms[form].tab: headings}, program)
    return next(item for item in proposal.forms if item.form == form)


def reword(form: str, **changes: str | None) -> list[str]:
    """The form's headings with the questions of some fields reworded, or taken away."""
    fields = SAMPLE_PROGRAM.forms[form].fields
    new = {fields[name]: text for name, text in changes.items()}
    return [text for old in list_headings(SAMPLE_PROGRAM, form) if (text := new.get(old, old)) is not None]


def as_pairs(proposal: FormProposal) -> dict[str, tuple[Any, str]]:
    return {item.field: (item.questions, item.likeness) for item in proposal.fields}


def test_the_forms_that_program_yaml_describes_are_proposed_as_they_are() -> None:
    proposal = propose_mapping(SHEET, SAMPLE_PROGRAM)
    assert proposal.spare_tabs == ()
    for form in proposal.forms:
        assert (form.tab, form.tab_likeness) == (SAMPLE_PROGRAM.forms[form.form].tab, "named")
        assert {item.field: item.questions for item in form.fields} == SAMPLE_PROGRAM.forms[form.form].fields
        assert {item.likeness for item in form.fields} == {"named"}
        assert (form.missing, form.spare) == ((), ())
    written = write_mapping(proposal, SAMPLE_PROGRAM)
    assert "# please check" not in written
    forms = {name: Form.model_validate(form) for name, form in yaml.safe_load(written)["forms"].items()}
    assert forms == SAMPLE_PROGRAM.forms


def test_the_same_words_and_like_words_are_told_apart() -> None:
    headings = reword(
        "mentor",
        email="E-MAIL address:",
        phone="Telephone number",
        capacity="How many mentees would you like to take in 2028?",
        name="Your full name",
    )
    proposal = propose("mentor", headings)
    found = as_pairs(proposal)
    assert found["email"] == ("E-MAIL address:", "same words")
    assert found["phone"] == ("Telephone number", "same words")
    assert found["capacity"] == ("How many mentees would you like to take in 2028?", "similar")
    assert found["name"][1] in ("similar", "same words")
    written = write_mapping(
        propose_mapping({"Mentor applications": headings}, SAMPLE_PROGRAM), SAMPLE_PROGRAM
    )
    assert (
        '      capacity: "How many mentees would you like to take in 2028?"  # please check: like "How many mentees can '
        'you take?"\n'
    ) in written
    assert '      email: "E-MAIL address:"\n' in written
    assert (proposal.missing, proposal.spare) == ((), ())


def test_what_cannot_be_placed_is_named_on_both_sides() -> None:
    proposal = propose("mentor", [*reword("mentor", capacity=None, pronouns=None), "How did you hear of us?"])
    assert (proposal.missing, proposal.spare) == (("pronouns", "capacity"), ("How did you hear of us?",))
    written = write_mapping(
        propose_mapping(
            {"Mentor applications": [*SHEET["Mentor applications"][1:], "Shoe size"], "Notes": ["x"]},
            SAMPLE_PROGRAM,
        ),
        SAMPLE_PROGRAM,
    )
    assert (
        "      # submitted_at: no question was found for it; the form can't be read without it\n" in written
    )
    assert '    # Questions that nothing reads: "Shoe size"\n' in written
    assert '# Tabs that no form uses: "Notes"\n' in written
    assert (
        '  # check_in: there is no tab whose questions fit this form. program.yaml calls it "Check-ins".\n'
        in written
    )


@pytest.mark.parametrize(
    "heading", ["How many conferences did you visit?", "Take a colleague to a conference"]
)
def test_a_question_that_has_only_a_few_words_in_common_is_not_proposed(heading: str) -> None:
    proposal = propose("mentor", [*reword("mentor", capacity=None), heading])
    assert (proposal.missing, proposal.spare) == (("capacity",), (heading,))


@pytest.mark.parametrize(
    "headings",
    [["Topics for talks", "Topics of talks"], ["Name of the library", "Library name", "Name of a library"]],
)
def test_questions_that_are_alike_to_one_field_are_left_to_a_person(headings: list[str]) -> None:
    rest = reword("mentor", topics_offered=None, institution=None)
    proposal = propose("mentor", [*rest, *headings])
    assert proposal.spare == tuple(headings)
    assert "topics_offered" in proposal.missing


def test_a_heading_that_stands_there_twice_is_never_proposed() -> None:
    proposal = propose("mentor", [*SHEET["Mentor applications"], "Your name"])
    assert "name" in proposal.missing
    assert proposal.spare == ("Your name",)


def test_tabs_that_google_named_are_found_by_their_questions() -> None:
    sheet = {f"Form Responses {number}": headings for number, headings in enumerate(SHEET.values(), 1)}
    proposal = propose_mapping(sheet | {"Old responses": ["Timestamp", "Score"]}, SAMPLE_PROGRAM)
    assert [form.tab for form in proposal.forms] == list(sheet)
    assert {form.tab_likeness for form in proposal.forms} == {"similar"}
    assert proposal.spare_tabs == ("Old responses",)
    assert 'tab: "Form Responses 1"  # please check: chosen by its questions' in write_mapping(
        proposal, SAMPLE_PROGRAM
    )


def test_two_tabs_that_fit_alike_are_both_left_to_a_person() -> None:
    copies = {
        "Form Responses 1": SHEET["Mentor applications"],
        "Form Responses 2": SHEET["Mentor applications"],
    }
    proposal = propose_mapping(copies, SAMPLE_PROGRAM)
    assert proposal.forms[0].tab is None
    assert set(proposal.spare_tabs) == set(copies)


def test_a_form_that_program_yaml_does_not_describe_is_found_by_usual_words() -> None:
    program = make_program(forms={"mentor": {"tab": "Mentors", "fields": MENTOR}})
    sheet = {
        "Requests": ["Timestamp", "Email address", "What would you like to tell us?", "Reference", "Comments"]
    }
    [request] = [item for item in propose_mapping(sheet, program).forms if item.form == "request"]
    assert request.tab == "Requests"
    assert set(as_pairs(request)) == {"submitted_at", "email", "request", "token", "comment"}


def test_a_grid_is_proposed_as_one_question_to_check() -> None:
    rows = [f"What would you like to talk about? [{row}]" for row in ("1st", "2nd", "3rd")]
    headings = [text for text in SHEET["Mentee applications"] if "choice]" not in text]
    proposal = propose("mentee", [*headings, *rows])
    assert as_pairs(proposal)["topics_wanted"] == ("What would you like to talk about? [*]", "similar")
    assert proposal.spare == ()


def test_patterns_and_grids_of_program_yaml_are_kept() -> None:
    grid = {"grid": "Rank", "choose": ["1, best", "2"]}
    fields = {**MENTEE, "topics_wanted": grid, "goals_text": {"pattern": "^Your \\w+ goals"}}
    program = make_program(forms={"mentee": {"tab": "Mentees", "fields": fields, "other": ["channels"]}})
    headings = [text for text in make_tab("mentee").headings if "choice" not in text and "goals" not in text]
    sheet = {"Mentees": [*headings, "Rank [Jobs]", "Rank [Metadata]", "Your new goals"]}
    proposal = propose_mapping(sheet, program)
    written = yaml.safe_load(write_mapping(proposal, program))["forms"]["mentee"]
    assert Form.model_validate(written) == program.forms["mentee"]


words = st.sampled_from(
    [
        "time",
        "zone",
        "name",
        "your",
        "full",
        "email",
        "address",
        "topics",
        "goals",
        "years",
        "library",
        "type",
        "talk",
        "help",
    ]
)
any_heading = st.lists(words, max_size=5).map(" ".join) | st.text(max_size=15)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["Mentor applications", "Form Responses 1", "Notes"]),
        st.lists(any_heading, max_size=12),
    )
)
def test_whatever_the_headings_nothing_is_lost_doubled_or_unreadable(sheet: dict[str, list[str]]) -> None:
    proposal = propose_mapping(sheet, PROGRAM)
    written = write_mapping(proposal, PROGRAM)
    assert set(yaml.safe_load(written)) == {"forms"}
    assert set(proposal.spare_tabs) == set(sheet) - {form.tab for form in proposal.forms}
    assert [form.form for form in proposal.forms] == list(list_forms(PROGRAM))
    for form in proposal.forms:
        used = [
            text
            for item in form.fields
            for text in ([item.questions] if isinstance(item.questions, str) else item.questions)
        ]
        assert len(set(used)) == len(used)
        assert not set(used) & set(form.spare)
        assert {item.field for item in form.fields}.isdisjoint(form.missing)
        if form.tab is not None and form.fields:
            Form.model_validate(yaml.safe_load(written)["forms"][form.form])


def test_what_is_proposed_can_be_read() -> None:
    headings = reword("mentor", email="Email", capacity="Number of mentees", time_zone="Your time zone")
    proposal = propose_mapping(SHEET | {"Mentor applications": headings}, SAMPLE_PROGRAM)
    data = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    data["forms"] = yaml.safe_load(write_mapping(proposal, SAMPLE_PROGRAM))["forms"]
    tab = SheetTab("Mentor applications", tuple(headings))
    assert find_heading_problems(SAMPLE_PROGRAM, "mentor", tab) != []
    assert find_heading_problems(Program.model_validate(data), "mentor", tab) == []


@settings(deadline=None)
@given(st.text())
def test_a_quoted_text_is_read_back_and_stays_on_one_line(text: str) -> None:
    quoted = quote_text(text)
    assert yaml.safe_load(f"a: {quoted}  # x") == {"a": text}
    assert len(quoted.splitlines()) == 1
