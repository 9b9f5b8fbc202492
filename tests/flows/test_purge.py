"""Retention, by the flow that nobody asks for a cohort: an earlier year's data goes while a later year is under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from good_answers import write_good_answers
from pydantic import SecretStr

from flows import load_flow
from mentoring.calendar import find_purge_day
from mentoring.form_headings import list_questions
from mentoring.next_year import shift_cohort
from mentoring.program import Program
from tasks.runs import RunReport
from tasks.settings import Settings
from tasks.stage import Stage, play_on
from tasks.stage_mail import StageMail
from tasks.stage_sheets import StageSheets

MARKED = "Zanahoria"


@pytest.fixture
def program(sample_settings: Settings) -> Program:
    """Two cohorts, the later one under way when the earlier one's time is over."""
    plain = sample_settings.program
    first = plain.cohorts["2027"]
    cohorts = {"2027": first, "2029": shift_cohort(shift_cohort(first))}
    return plain.model_copy(update={"cohorts": cohorts, "sheets": "local", "mail": "files"})


@pytest.fixture
def stage(program: Program, tmp_path: Path) -> Iterator[Stage]:
    """One mentee has applied in each of the two years."""
    database = SecretStr(f"sqlite:///{tmp_path / 'mentoring.sqlite'}")
    stage = Stage(
        Settings(tmp_path, program, database, "local", "files"),
        StageSheets(program, "purge"),
        StageMail("purge"),
    )
    with play_on(stage):
        apply(stage, "2027", "Ana", MARKED)
        apply(stage, "2029", "Ben", "Bookworm")
        yield stage


def apply(stage: Stage, cohort: str, name: str, goal: str) -> None:
    program = stage.settings.program
    asked = {field: found[0] for field, found in list_questions(program, "mentee").items()}
    opens = program.cohorts[cohort].applications_open
    own = {
        asked["name"]: f"{name} {goal}",
        asked["email"]: f"{name}@example.org",
        asked["goals_text"]: goal,
        asked["submitted_at"]: f"{opens} 10:00:00",
    }
    stage.sheets.append_form_rows("mentee", [write_good_answers(program) | own])
    stage.sheets.append_committee_rows("Topics", [{"Month": f"{opens:%Y}-05", "Topic": f"Topic of {name}"}])
    run("ingest-applications", datetime.combine(opens, datetime.min.time()) + timedelta(hours=20))


def run(flow: str, moment: datetime, *, dry_run: bool = False, cohort: str | None = None) -> RunReport:
    report: RunReport = load_flow(flow).fn(cohort=cohort, as_of=moment, dry_run=dry_run)
    return report


def find_purge_moment(program: Program) -> datetime:
    day = find_purge_day(program.cohorts["2027"])
    assert day > program.cohorts["2029"].applications_open
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=4)


def read_everything(stage: Stage) -> str:
    [database] = stage.settings.folder.glob("*.sqlite")
    return database.read_bytes().decode("latin-1") + repr(stage.sheets.desk)


def test_an_earlier_years_data_goes_while_a_later_year_is_under_way(stage: Stage) -> None:
    due = find_purge_moment(stage.settings.program)
    assert run("purge-personal-data", due - timedelta(days=1)).counts == {"people to erase": 0}
    before = read_everything(stage)
    assert before.count(MARKED) > 2

    assert run("purge-personal-data", due, dry_run=True).counts == {"people to erase": 1}
    assert read_everything(stage) == before
    assert run("purge-personal-data", due).counts == {"people to erase": 1}

    after = read_everything(stage)
    assert MARKED not in after
    assert "ana@example.org" not in after.casefold()
    rows = {row["Name"]: row for row in stage.sheets.desk["Applications"]}
    assert rows["Ben Bookworm"]["Status"] == "Accepted"
    assert len(stage.sheets.desk["Applications"]) == 2
    assert run("purge-personal-data", due + timedelta(days=7)).counts == {"people to erase": 0}
    assert read_everything(stage) == after


def find_last_purge_moment(program: Program) -> datetime:
    later = datetime.combine(find_purge_day(program.cohorts["2029"]), datetime.min.time())
    return later + timedelta(hours=20)


def test_somebody_of_two_years_leaves_the_rows_of_both_with_the_later_one(stage: Stage) -> None:
    apply(stage, "2029", "Ana", MARKED)
    due = find_purge_moment(stage.settings.program)
    assert run("purge-personal-data", due, dry_run=True).counts == {"people to erase": 0}
    assert run("purge-personal-data", due).counts == {"people to erase": 0}
    assert MARKED in read_everything(stage)
    later = find_last_purge_moment(stage.settings.program)
    assert run("purge-personal-data", later).counts == {"people to erase": 2}
    assert MARKED not in read_everything(stage)
    assert len(stage.sheets.desk["Applications"]) == 3


def test_advice_on_whom_to_recruit_goes_with_those_whom_it_names(stage: Stage) -> None:
    rows = [
        {
            "Reference": f"{year}-wanted-1",
            "Role": "wanted",
            "Smallest change": f"One more mentor like {name}.",
        }
        for year, name in (("2027", f"Ana {MARKED}"), ("2029", "Ben Bookworm"))
    ]
    stage.sheets.append_committee_rows("Unmatched", rows)
    run("purge-personal-data", find_purge_moment(stage.settings.program))
    assert MARKED not in read_everything(stage)
    [left] = stage.sheets.desk["Unmatched"]
    assert left["Smallest change"] == "One more mentor like Ben Bookworm."


def test_somebody_of_two_years_that_go_together_is_counted_once(stage: Stage) -> None:
    apply(stage, "2029", "Ana", MARKED)
    later = find_last_purge_moment(stage.settings.program)
    assert run("purge-personal-data", later, dry_run=True).counts == {"people to erase": 2}
    assert MARKED in read_everything(stage)
    assert run("purge-personal-data", later).counts == {"people to erase": 2}
    assert MARKED not in read_everything(stage)
    assert run("purge-personal-data", later).counts == {"people to erase": 0}


@pytest.mark.parametrize("tab", ["Program", "Rules", "Evaluation"])
def test_tabs_without_rows_of_a_year_stay_those_of_the_year_under_way(stage: Stage, tab: str) -> None:
    stage.sheets.append_committee_rows(
        "Rules", [{"Rule": "Never pair", "Mentor": "nobody@example.org", "Mentee": "ben@example.org"}]
    )
    due = find_purge_moment(stage.settings.program)
    run("compile-evaluations", due - timedelta(days=1))
    shown = [dict(row) for row in stage.sheets.desk[tab]]
    assert len(shown) > 0
    run("purge-personal-data", due)
    run("purge-personal-data", due, cohort="2027")
    assert stage.sheets.desk[tab] == shown


def test_a_year_that_was_taken_out_of_the_program_is_named(stage: Stage) -> None:
    program = stage.settings.program
    only = program.model_copy(update={"cohorts": {"2029": program.cohorts["2029"]}})
    with play_on(replace(stage, settings=replace(stage.settings, program=only))):
        report = run("purge-personal-data", find_purge_moment(program))
    assert list(report.waiting) == [
        "Cohort 2027 still has personal data and is no more in program.yaml; put it back there, and it is purged when "
        "its time is over."
    ]
    assert MARKED in read_everything(stage)
