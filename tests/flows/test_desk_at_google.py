"""The committee at its Google spreadsheet, and the forms at theirs, through the real flows: what people write there
steers the year, and what they arranged stays as they left it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from good_answers import list_good_answers
from google_program import StandInHands, hurry, move_to_google
from stand_ins.google_sheets import GoogleStandIn

from deployments.form_mapping import map_forms
from deployments.program_folders import make_program_folder
from flows import load_flow
from mentoring.form_fields import FormName
from mentoring.form_headings import list_questions
from tasks.settings import use_program_folder


@pytest.fixture(scope="module")
def google() -> Iterator[GoogleStandIn]:
    with GoogleStandIn() as stand_in:
        yield stand_in
        assert not stand_in.violations


class Association:
    """A program on the stand-in, its people, and its flows, one after the other."""

    def __init__(self, google: GoogleStandIn, folder: Path) -> None:
        make_program_folder(folder)
        self.google, self.folder = google, folder
        self.hands: StandInHands = move_to_google(google, folder)
        self.program = self.hands.program
        assert self.program.google
        self.forms, self.desk = self.program.google.forms, self.program.google.committee

    def run(self, flow: str, moment: str) -> Any:
        use_program_folder(self.folder)
        return load_flow(flow)(as_of=datetime.fromisoformat(moment).replace(tzinfo=self.program.zone))

    def apply(self, role: FormName, name: str, number: int) -> None:
        """Somebody sends an application; the number says what it is about, and a lower one makes the better pair."""
        own = {"capacity": "1", "topics_offered": self.program.topics[number], "years_experience": "12"}
        answers = list_good_answers(self.program) | {
            "submitted_at": "2027-01-20 09:00:00",
            "name": name,
            "email": f"{name.lower()}@example.org",
            "institution": f"Library of {name}",
            "years_experience": str(2 + number),
            "focus_areas": ", ".join(self.program.focus_areas[: number + 1]),
            "topics_wanted": self.program.topics[number],
            "experience_text": "I have worked with serials.",
            **(own if role == "mentor" else {}),
        }
        questions = list_questions(self.program, role)
        row = {questions[name][0]: text for name, text in answers.items() if name in questions}
        self.hands.append_form_rows(role, [row])

    def read(self, tab: str) -> list[dict[str, str]]:
        return self.hands.read_committee(tab).read_rows()

    def write(self, tab: str, key: str, **cells: str) -> None:
        """Somebody writes into cells of one row; an underscore stands for a space."""
        values = {heading.replace("_", " "): text for heading, text in cells.items()}
        self.hands.edit_committee_rows(tab, {(key,): values})

    def read_setting(self, setting: str) -> dict[str, str]:
        [row] = [row for row in self.read("Program") if row["Setting"] == setting]
        return row

    def query(self, words: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "mentoring.sqlite") as connection:
            return connection.execute(words).fetchall()


@pytest.fixture
def here(google: GoogleStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Association:
    """Three mentors and three mentees have applied; nothing has run yet."""
    hurry(monkeypatch)
    association = Association(google, tmp_path / "program")
    for number, (mentor, mentee) in enumerate([("Mara", "Ada"), ("Noor", "Cleo"), ("Olga", "Beth")]):
        association.apply("mentor", mentor, number)
        association.apply("mentee", mentee, number)
    return association


def list_matches(here: Association) -> dict[str, dict[str, str]]:
    """Rows of the Matches tab by mentee, in the tab's order."""
    return {row["Mentee"]: row for row in here.read("Matches")}


def test_the_program_tab_starts_the_next_cohort(here: Association) -> None:
    here.run("ingest-applications", "2027-01-25T09:00")
    here.write("Program", "Next cohort opens", Value="2027-12-01")
    here.run("ingest-applications", "2027-12-11T09:00")
    row = here.read_setting("Next cohort opens")
    assert (
        row["Problem"]
        == "“2027-12-01” was not taken: it is more than a week past; write today's day or a later one."
    )
    here.write("Program", "Next cohort opens", Value="2028-02-01")
    here.run("ingest-applications", "2027-12-11T10:00")
    row = here.read_setting("Next cohort opens")
    assert (row["In force"], row["Problem"]) == ("2028-02-01", "")
    assert row["What it means"].startswith("Cohort 2028 starts by itself on 1 February 2028")
    assert here.run("ingest-applications", "2028-01-31T23:00").cohort_id == "2027"
    assert here.run("ingest-applications", "2028-02-01T00:30").cohort_id == "2028"
    assert here.read_setting("Starts")["In force"] == "2028-03-22"
    here.write("Program", "Next cohort opens", Value="")
    assert here.run("ingest-applications", "2028-02-02T09:00").cohort_id == "2028"
    assert here.run("ingest-applications", "2028-02-02T09:00").waiting == ()


def test_the_program_tab_starts_and_steers_the_year(here: Association) -> None:
    here.run("ingest-applications", "2027-01-25T09:00")
    here.run("propose-matches", "2027-01-26T09:00")
    assert here.read("Matches") == [], "by program.yaml people may apply until 12 February"
    here.write("Program", "Applications close", Value="2027-01-25")
    here.write("Program", "Starts", Value="2027-02-01")
    here.run("propose-matches", "2027-01-26T09:00")
    matches = list_matches(here)
    assert set(matches) == {"Ada", "Cleo", "Beth"}
    for row in matches.values():
        here.write("Matches", row["Reference"], Decision="Approve", Decided_by="Mei L.")
    here.write("Program", "Starts", Value="soon")
    here.run("introduce-matches", "2027-01-31T09:00")
    assert {row["Status"] for row in here.read("Matches")} == {"Approved"}
    report = here.run("introduce-matches", "2027-02-01T09:00")
    assert {row["Status"] for row in here.read("Matches")} == {"Introduced on 2027-02-01"}
    setting = here.read_setting("Starts")
    assert (setting["In force"], setting["Value"]) == ("2027-02-01", "soon"), "the last good value"
    assert setting["Problem"] == "“soon” was not taken: write a day like 2027-03-01."
    assert any("“Starts”" in line for line in report.waiting)
    here.write("Program", "Starts", Value="2027-02-01")
    here.run("introduce-matches", "2027-02-01T10:00")
    assert here.read_setting("Starts")["Problem"] == ""


def test_a_decision_carries_who_and_when_and_another_word_is_never_guessed(here: Association) -> None:
    here.run("ingest-applications", "2027-02-12T09:00")
    here.run("propose-matches", "2027-02-13T09:00")
    matches = list_matches(here)
    ada, beth, cleo = (matches[name]["Reference"] for name in ("Ada", "Beth", "Cleo"))
    here.write("Matches", ada, Decision="approve", Decided_by="Mei L.")
    here.write("Matches", beth, Decision="Aprove", Decided_by="R. Ostrander", Note="good")
    here.write("Matches", cleo, Decision="Hold", Decided_by="Dee")
    here.run("propose-matches", "2027-02-14T09:00")
    found = here.query("SELECT match_id, state, is_held, decided_by, decided_at, approved_at FROM matches")
    when = "2027-02-14T14:00:00Z"
    assert {row[0]: row[1:] for row in found} == {
        ada: ("approved", 0, "Mei L.", when, when),
        beth: ("proposed", 0, None, None, None),
        cleo: ("proposed", 1, "Dee", when, None),
    }
    row = list_matches(here)["Beth"]
    assert row["To do"] == "“Aprove” is not a decision; choose Approve, Reject or Hold."
    assert (row["Status"], row["Decision"], row["Decided by"], row["Note"]) == (
        "Proposed",
        "Aprove",
        "R. Ostrander",
        "good",
    )


def test_what_waits_is_on_top_at_first_and_afterwards_the_order_is_the_committees(here: Association) -> None:
    here.run("ingest-applications", "2027-02-12T09:00")
    here.run("propose-matches", "2027-02-13T09:00")
    points = {row["Mentee"]: int(row["Points"]) for row in here.read("Matches")}
    assert points["Ada"] > points["Cleo"] > points["Beth"]
    approved = list_matches(here)["Ada"]["Reference"]
    here.write("Matches", approved, Decision="Approve", Decided_by="Mei L.")
    here.run("propose-matches", "2027-02-14T09:00")
    # Written anew, the rows stand as at a first writing; an approval without its row is not taken back.
    here.google.edit(here.desk, lambda book: book.tab("Matches").delete_rows(2, 3))
    here.run("propose-matches", "2027-02-15T09:00")
    assert [(row["Mentee"], bool(row["To do"])) for row in here.read("Matches")] == [
        ("Cleo", True),
        ("Beth", True),
        ("Ada", False),
    ]
    here.google.edit(here.desk, lambda book: book.tab("Matches").sort("C"))
    here.apply("mentor", "Petra", 3)
    here.apply("mentee", "Zoe", 3)
    here.run("ingest-applications", "2027-02-15T10:00")
    here.run("propose-matches", "2027-02-16T09:00")
    assert list(list_matches(here)) == ["Ada", "Beth", "Cleo", "Zoe"]


def test_forms_as_google_and_people_leave_them(here: Association) -> None:
    """Another locale and time zone, columns and rows moved in, an answer edited, a response deleted."""
    mentors, mentees = (here.program.forms[form].tab for form in ("mentor", "mentee"))

    def disturb(book: Any) -> None:
        book.locale, book.time_zone = "de_DE", "Europe/Berlin"
        for tab in (mentors, mentees):
            book.tab(tab).insert_columns("B", 2)
            book.tab(tab).type("B1", "Checked by us?")
            book.tab(tab).insert_rows(3, 2)
            book.tab(tab).paste("A40", [["", "  "]])
        # As Google's form stamps it there: a number whose format is the German one.
        book.tab(mentees).type("A2", datetime(2027, 1, 21, 3, 0))

    here.google.edit(here.forms, disturb)
    here.run("ingest-applications", "2027-01-25T09:00")
    applications = {row["Name"]: row for row in here.read("Applications")}
    assert {name: (row["Applied on"], row["Status"]) for name, row in applications.items()} == {
        # Three in the morning in Berlin is nine in the evening in New York.
        "Ada": ("2027-01-20", "Accepted"),
        **dict.fromkeys(["Mara", "Noor", "Olga", "Cleo", "Beth"], ("2027-01-20", "Accepted")),
    }
    questions = list_questions(here.program, "mentee")
    years, address = questions["years_experience"][0], questions["email"][0]

    def is_from(name: str) -> Any:
        return lambda answers: answers[address] == f"{name.lower()}@example.org"

    here.hands.edit_form_row(mentees, is_from("Ada"), {years: "two"})
    here.hands.delete_form_row(mentees, is_from("Beth"))
    here.run("ingest-applications", "2027-01-25T10:00")
    after: Mapping[str, dict[str, str]] = {row["Name"]: row for row in here.read("Applications")}
    assert {name: row["Status"] for name, row in after.items() if row["Role"] == "mentee"} == {
        "Ada": "Needs attention",
        "Cleo": "Accepted",
        "Beth": "Withdrawn",
    }
    assert f"“{years}”: “two” is not a whole number" in after["Ada"]["What to fix"]
    assert after["Ada"]["Reference"] == applications["Ada"]["Reference"], "edited, not sent again"


def test_a_mapping_is_proposed_from_tabs_and_headings_at_google(here: Association) -> None:
    """Whatever Google named the tabs; what finds no place is shown."""

    def reword(book: Any) -> None:
        book.tab("Mentor applications").rename("Formularantworten 1")
        mentees = book.tab("Mentee applications")
        place = mentees.list_values()[0].index("Where do you work or study?")
        mentees.put(0, place, mentees.cell(0, place)._replace(entered="Shoe size"))
        book.add_tab("Football").paste("A1", [["Goals"]])

    here.google.edit(here.forms, reword)
    here.google.forget_calls()
    text = map_forms(here.folder)
    assert here.google.count_calls() <= 2
    assert '    tab: "Formularantworten 1"  # please check: chosen by its questions\n' in text
    assert '# Tabs that no form uses: "Football"\n' in text
    assert '    # Questions that nothing reads: "Shoe size"\n' in text
