"""`mentoring erase`, the whole command: on workbooks and on Google's spreadsheets, and stopped on its way."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google_program import hurry, move_to_google
from small_cohort import SmallCohort
from stand_ins.google_sheets import GoogleStandIn

from deployments.erasing import erase_person
from deployments.program_folders import make_program_folder, read_sample_responses
from mentoring.desk import TABS, TabUpdate
from mentoring.intake import plan_intake
from tasks.desk import gather_desk, read_answers, write_desk
from tasks.ledger import apply_plan
from tasks.outbox import deliver_due_messages
from tasks.runs import WrongUseError, open_run

ROOT = Path(__file__).parents[2]
AFTER_CLOSING = datetime(2027, 2, 20, 20, tzinfo=UTC)
ADDRESS, NAME = "samir.nolan@example.org", "Samir Nolan"


def take_in(folder: Path) -> None:
    """Applicants are taken in, written to, and shown on the desk."""
    run = open_run("ingest-applications", None, AFTER_CLOSING, False, folder)
    desk = gather_desk(run)
    apply_plan(run, desk.cohort, plan_intake(desk.cohort, read_answers(run, "mentee"), run.now))
    assert deliver_due_messages(run)["sent"] > 1
    write_desk(run, desk)


def find_traces(folder: Path) -> set[str]:
    """Our own files in which the name or the address stands; workbooks are looked into."""
    import zipfile

    found = set()
    for path in folder.rglob("*"):
        if not path.is_file() or path.name in ("forms.xlsx", "program.yaml"):
            continue
        contents = [path.read_bytes()]
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                contents = [book.read(name) for name in book.namelist()]
        if any(word.encode() in content for word in (ADDRESS, NAME) for content in contents):
            found.add(path.suffix)
    return found


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    rows = [row for row in read_sample_responses()["mentee"] if row["Email Address"]]
    make_program_folder(
        folder, {"mentee": rows[:12] + [r for r in rows[12:] if r["Email Address"] == ADDRESS]}
    )
    take_in(folder)
    assert find_traces(folder) == {".sqlite", ".xlsx", ".eml"}
    return folder


_KILLED = """
import os, sys
from pathlib import Path
from deployments import erasing
def die(*_):
    os._exit(9)
setattr(erasing, sys.argv[3], die)
for line in erasing.erase_person(sys.argv[1], Path(sys.argv[2])):
    print(line, flush=True)
"""


@pytest.mark.parametrize(
    ("killed_at", "left"),
    [
        ("erase_people", {".sqlite", ".xlsx", ".eml"}),
        ("remove_mail_files", {".xlsx", ".eml"}),
        ("write_desk", {".xlsx"}),
        ("ask_provider", set()),
    ],
)
def test_an_erasure_that_is_killed_is_finished_by_the_same_command(
    program: Path, killed_at: str, left: set[str]
) -> None:
    words = [sys.executable, "-c", _KILLED, ADDRESS, str(program), killed_at]
    killed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == 9, killed.stderr
    assert find_traces(program) == left
    said = list(erase_person(ADDRESS, program))
    assert find_traces(program) == set()
    assert (said[0].startswith("Nobody has this address any more.")) is (killed_at != "erase_people")
    assert any(
        re.match(r"Erased person-\d+ from the database and the committee's sheet", line) for line in said
    )
    assert said[-1].startswith("→ Not within reach")
    with pytest.raises(WrongUseError, match="Nobody has this address"):
        list(erase_person(ADDRESS, program))


@pytest.mark.parametrize("killed_at", ["erase_people", "remove_mail_files"])
def test_the_partner_is_named_also_when_the_erasure_was_killed_after_the_match_had_ended(
    program: Path, killed_at: str
) -> None:
    run = open_run("introduce-matches", None, AFTER_CLOSING, False, program)
    cohort = SmallCohort(run, made={"person": 500, "mentor": 500})
    mine = next(key for key, item in cohort.read().applications.items() if item.email == ADDRESS)
    match_id = cohort.introduce(mentor=cohort.add_application("mentor"), mentee=mine)
    words = [sys.executable, "-c", _KILLED, ADDRESS, str(program), killed_at]
    killed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (killed.returncode, killed.stdout.count("mentor-501")) == (9, 2 * (killed_at != "erase_people"))
    assert cohort.read().matches[match_id].state == "ended"
    sentence = "→ mentor-501 had a live match with this person; please write to mentor-501 that it has ended."
    assert list(erase_person(ADDRESS, program)).count(sentence) == 1


def test_an_erasure_that_came_to_its_end_leaves_nothing_to_finish(program: Path) -> None:
    assert len(list(erase_person(ADDRESS, program))) == 3
    with pytest.raises(WrongUseError, match="Nobody has this address"):
        list(erase_person("nobody@example.org", program))


def test_rows_of_others_that_name_somebody_who_is_erased_lose_their_words(program: Path) -> None:
    run = open_run("propose-matches", None, AFTER_CLOSING, False, program)
    desk = gather_desk(run)
    others = [key for key, item in desk.cohort.applications.items() if item.email != ADDRESS][:2]
    rows = [
        {
            "Reference": key,
            "Name": "Somebody",
            "Role": "mentee",
            "Why": f"{NAME} has the seat.",
            "Smallest change": f"More than {NAME}.",
        }
        for key in (*others, "2027-wanted-1", "2026-wanted-1")
    ]
    own = {"Name": "Of another year", "Why": "No seat.", "Smallest change": "One more mentor."}
    run.sheets.write_committee([TabUpdate("Unmatched", [*rows[:3], rows[3] | own])])
    assert ".xlsx" in find_traces(program)
    list(erase_person(ADDRESS, program))
    assert find_traces(program) == set()
    found = {row["Reference"]: row for row in gather_desk(run).read_rows("Unmatched")}
    assert sorted(found) == sorted(["2026-wanted-1", *others])
    for key in others:
        assert (found[key]["Name"], found[key]["Smallest change"]) == ("Somebody", "")
        assert found[key]["Why"] == "Somebody has left the program for good; the next proposals tell why."
    assert found["2026-wanted-1"].items() >= own.items()


# With Google


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStandIn]:
    hurry(monkeypatch)
    with GoogleStandIn() as stand_in:
        yield stand_in


def read_whole(google: GoogleStandIn, book: str, tabs: list[str]) -> str:
    return repr([google.read(book, tab) for tab in tabs])


def test_with_google_her_rows_vanish_from_the_committees_spreadsheet_and_the_forms_are_named(
    google: GoogleStandIn, tmp_path: Path
) -> None:
    folder = tmp_path / "program"
    rows = [row for row in read_sample_responses()["mentee"] if row["Email Address"]]
    make_program_folder(folder)
    hands = move_to_google(google, folder)
    assert hands.program.google
    committee, forms = hands.program.google.committee, hands.program.google.forms
    hands.append_form_rows("mentee", [*rows[:5], *(row for row in rows if row["Email Address"] == ADDRESS)])
    take_in(folder)
    desk, tabs = list(TABS), ["Mentee applications"]
    [row] = [row for row in hands.read_committee("Applications").read_rows() if row["E-mail"] == ADDRESS]
    before = google.read(committee, "Applications")
    written = read_whole(google, forms, tabs)

    said = " ".join(erase_person(ADDRESS, folder))

    assert "Not within reach: the row in the forms sheet" in said
    assert ADDRESS not in said
    assert NAME not in said
    whole = read_whole(google, committee, desk)
    assert ADDRESS not in whole
    assert NAME not in whole
    after = google.read(committee, "Applications")
    # Everybody else's row is as it was; of hers the reference and its end are left.
    others = [line for line in before if row["Reference"] not in line]
    assert [line for line in after if row["Reference"] not in line] == others
    [left] = [line for line in after if row["Reference"] in line]
    assert {str(value) for value in left if value} <= {
        *(row[heading] for heading in ("Reference", "Role", "Applied on")),
        "Withdrawn",
        "Personal data was erased on request.",
    }
    assert read_whole(google, forms, tabs) == written
    assert ADDRESS in written
