"""A rematch from the request to the new introduction, through the real flows, one database and two workbooks.

Nobody retypes anything: the committee writes Confirm beside the request and Approve beside the proposal.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from good_answers import list_good_answers

from deployments.people_at_work import WorkbookHands
from deployments.program_folders import make_program_folder
from flows import load_flow
from mentoring.form_fields import REMATCH_ANSWERS, REQUESTS, FormName
from mentoring.form_headings import list_questions
from mentoring.program import Program
from tasks.mail import MAIL_FOLDER
from tasks.mail_files import list_messages, read_eml
from tasks.settings import load_settings, use_program_folder

CANT_GO_ON, NOT_WORKING = REQUESTS[:2]
YES, NO = REMATCH_ANSWERS
#: Who offers or wants which of the program's topics, and who knows or wants which of its areas.
MENTORS = {
    "Mara": ("0", "0"),
    "Noor": ("2", "1"),
    "Olga": ("3", "1"),
    "Petra": ("01", "1"),
    "Quin": ("0", "1"),
}
MENTEES = {"Ada": ("0", "0"), "Cleo": ("2", "1"), "Dana": ("3", "1")}
LATE = {"Beth": ("1", "1")}


@dataclass
class Association:
    """The program's people at their workbooks, and its flows, one after the other."""

    folder: Path

    def __post_init__(self) -> None:
        self.program: Program = load_settings(self.folder).program
        self.hands = WorkbookHands(self.folder, self.program)

    def run(self, flow: str, day: str) -> None:
        use_program_folder(self.folder)
        load_flow(flow)(as_of=datetime.fromisoformat(f"{day}T14:00").replace(tzinfo=self.program.zone))

    def send(self, form: FormName, answers: Mapping[str, str]) -> None:
        questions = list_questions(self.program, form)
        self.hands.append_form_rows(
            form, [{questions[name][0]: text for name, text in answers.items() if name in questions}]
        )

    def read(self, tab: str) -> list[dict[str, str]]:
        return self.hands.read_committee(tab).read_rows()

    def decide(self, tab: str, reference: str, word: str) -> None:
        decision = {"Decision": word, "Decided by": "Committee"}
        self.hands.edit_committee_rows(tab, {(reference,): decision})

    def find_match(self, mentee: str, status: str) -> dict[str, str]:
        [row] = [
            row
            for row in self.read("Matches")
            if row["Mentee"] == mentee and row["Status"].startswith(status)
        ]
        return row

    def count_mail(self) -> Counter[tuple[str, str]]:
        """(kind, first name) of every mail so far."""
        mails = [
            read_eml(self.folder / MAIL_FOLDER / name) for name in list_messages(self.folder / MAIL_FOLDER)
        ]
        return Counter(
            (mail["X-Mentoring-Kind"], mail["To"].addresses[0].username.capitalize()) for mail in mails
        )

    def read_rows(self, table: str) -> dict[str, tuple[object, ...]]:
        """The rows of a table by their first column."""
        with sqlite3.connect(self.folder / "mentoring.sqlite") as connection:
            return {row[0]: row for row in connection.execute(f"SELECT * FROM {table}")}


def describe(program: Program, role: str, name: str, likes: tuple[str, str], day: str) -> dict[str, str]:
    """An application in which only topics and focus areas differ from others of the role."""
    topics = ", ".join(program.topics[int(number)] for number in likes[0])
    own = {"capacity": "1", "topics_offered": topics, "years_experience": "12"} if role == "mentor" else {}
    return list_good_answers(program) | {
        "submitted_at": f"{day} 09:00:00",
        "name": name,
        "email": f"{name.lower()}@example.org",
        "institution": f"Library of {name}",
        "focus_areas": program.focus_areas[int(likes[1])],
        "topics_wanted": topics,
        "experience_text": "I have worked with serials.",
        **own,
    }


@pytest.fixture(scope="module")
def spring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program folder in April: three pairs are introduced, two mentors are free, and Beth has applied late."""
    folder = tmp_path_factory.mktemp("rematch") / "program"
    make_program_folder(folder)
    here = Association(folder)
    for role, people in (("mentor", MENTORS), ("mentee", MENTEES)):
        for name, likes in people.items():
            here.send(role, describe(here.program, role, name, likes, "2027-01-20"))  # type: ignore[arg-type]
    here.run("ingest-applications", "2027-02-13")
    here.run("propose-matches", "2027-02-13")
    pairs = {row["Mentor"]: row["Mentee"] for row in here.read("Matches")}
    assert pairs == {"Mara": "Ada", "Noor": "Cleo", "Olga": "Dana"}
    for row in here.read("Matches"):
        here.decide("Matches", row["Reference"], "Approve")
    here.run("introduce-matches", "2027-03-01")
    here.send("mentee", describe(here.program, "mentee", "Beth", LATE["Beth"], "2027-04-05"))
    here.run("ingest-applications", "2027-04-06")
    return folder


@pytest.fixture
def here(spring: Path, tmp_path: Path) -> Association:
    """The same in a folder of its own."""
    return Association(shutil.copytree(spring, tmp_path / "program"))


def ask(here: Association, name: str, request: str, rematch: str) -> None:
    """Somebody writes to the committee, which confirms; the flow runs before and after."""
    answers = {
        "submitted_at": "2027-04-07 18:00:00",
        "email": f"{name.lower()}@example.org",
        "request": request,
    }
    here.send("request", answers | {"rematch": rematch, "comment": "I am sorry."})
    here.run("process-requests", "2027-04-08")
    [row] = here.read("Requests")
    assert (row["From"], row["Status"]) == (name, "Waits for you")
    assert here.find_match("Ada", "Introduced")["Mentor"] == "Mara"
    here.decide("Requests", row["Reference"], "Confirm")
    here.run("process-requests", "2027-04-09")


def list_new_mail(here: Association, before: Counter[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((here.count_mail() - before).elements())


def test_from_the_request_to_the_new_introduction_nobody_types_anything_twice(here: Association) -> None:
    mail, matches = here.count_mail(), here.read_rows("matches")
    ask(here, "Mara", CANT_GO_ON, NO)
    assert list_new_mail(here, mail) == [("match_ended", "Mara"), ("partner_withdrew", "Ada")]

    # Best for both: Ada to Quin, for Petra is the only one who offers Beth's topic.
    proposal = here.find_match("Ada", "Proposed (rematch)")
    assert (proposal["Mentor"], proposal["To do"]) == ("Quin", "Choose Approve, Reject or Hold.")
    assert here.find_match("Beth", "Proposed")["Mentor"] == "Petra"
    # Ada herself would lose nothing with Petra; Beth would, and that is what it says.
    assert int(proposal["Points"]) == read_points(here, "Petra", "Ada")
    cost = read_points(here, "Petra", "Beth") - read_points(here, "Quin", "Beth")
    assert cost == 300
    assert proposal["Runner-ups"] == "Petra (costs 300 points)"
    page = (here.folder / "reports/match-review-2027.html").read_text(encoding="utf-8")
    assert "Petra (costs 300 points)" in page

    here.decide("Matches", proposal["Reference"], "Approve")
    mail = here.count_mail()
    here.run("introduce-matches", "2027-04-12")
    assert list_new_mail(here, mail) == [("introduction_mentee", "Ada"), ("introduction_mentor", "Quin")]
    assert here.find_match("Ada", "Introduced")["Mentor"] == "Quin"
    # Nobody decided on Beth.
    assert here.find_match("Beth", "Proposed")["Mentor"] == "Petra"

    after = here.read_rows("matches")
    untouched = [row["Reference"] for row in here.read("Matches") if row["Mentee"] in ("Cleo", "Dana")]
    assert len(untouched) == 2
    assert [after[key] for key in untouched] == [matches[key] for key in untouched]


def read_points(here: Association, mentor: str, mentee: str) -> int:
    """The points of two people who are free, as the map on the match review shows them."""
    page = (here.folder / "reports/match-review-2027.html").read_text(encoding="utf-8")
    table = page[page.index('<table class="map">') :]
    mentors = re.findall(r'<th scope="col"><span>(.*?)</span>', table)
    [row] = re.findall(rf'<th scope="row">{mentee}</th>(.*?)</tr>', table)
    points: list[str] = re.findall(r'<td class="[^"]*">(\d+)', row)
    return int(points[mentors.index(mentor)])


def test_who_was_left_goes_before_who_would_fit_better(here: Association) -> None:
    never = [
        {"Rule": "Never pair", "Mentor": "quin@example.org", "Mentee": f"{name}@example.org"}
        for name in ("ada", "beth")
    ]
    here.hands.append_committee_rows("Rules", never)
    ask(here, "Mara", CANT_GO_ON, NO)
    assert here.find_match("Ada", "Proposed (rematch)")["Mentor"] == "Petra"
    assert read_points(here, "Petra", "Beth") > read_points(here, "Petra", "Ada")
    waiting = [row["Name"] for row in here.read("Unmatched") if row["Role"] == "mentee"]
    assert waiting == ["Beth"]


def test_who_asks_for_another_partner_never_gets_the_same_again(here: Association) -> None:
    mail = here.count_mail()
    ask(here, "Ada", NOT_WORKING, YES)
    assert list_new_mail(here, mail) == [("match_ended", "Ada"), ("match_ended", "Mara")]
    proposal = here.find_match("Ada", "Proposed (rematch)")
    assert proposal["Mentor"] in ("Quin", "Petra")
    assert "Mara" not in proposal["Runner-ups"]
    # Her seat is free for others, who know nothing of it.
    assert read_points(here, "Mara", "Beth") > 0


def test_who_wants_no_other_partner_gets_no_proposal(here: Association) -> None:
    mail = here.count_mail()
    ask(here, "Ada", NOT_WORKING, NO)
    assert list_new_mail(here, mail) == [("match_ended", "Ada"), ("match_ended", "Mara")]
    assert [row["Status"] for row in here.read("Matches") if row["Mentee"] == "Ada"] == [
        "Ended: not working out"
    ]
    assert here.find_match("Beth", "Proposed")["Mentor"] == "Petra"
