"""The committee starts the next cohort on its Program tab: the flows run it from its day on, with no change of program.yaml.

On both databases; the same through real workbooks is in tests/deployments/test_next_year.py, at Google in
test_desk_at_google.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from good_answers import write_good_answers

from deployments.erasing import erase_person
from deployments.reconciling import reconcile_program
from deployments.standing import read_standing
from flows import load_flow
from mentoring.calendar import find_purge_day
from mentoring.form_headings import list_questions
from tasks.database import Database
from tasks.runs import RunReport, open_program, open_run
from tasks.settings import Settings
from tasks.stage import Stage, play_on
from tasks.stage_mail import StageMail
from tasks.stage_sheets import StageSheets

OPENS = "2028-02-01"


@dataclass
class Association:
    """The sample program on a stage, its committee and its applicants."""

    stage: Stage
    database: Database

    def run(self, flow: str, day: str, cohort: str | None = None, dry_run: bool = False) -> RunReport:
        moment = datetime.fromisoformat(f"{day} 12:00")
        report: RunReport = load_flow(flow).fn(cohort=cohort, as_of=moment, dry_run=dry_run)
        return report

    def write(self, value: str) -> None:
        self.sheets.edit_committee_rows("Program", {("Next cohort opens",): {"Value": value}})

    def read(self) -> dict[str, str]:
        [row] = [row for row in self.sheets.desk["Program"] if row["Setting"] == "Next cohort opens"]
        return row

    def apply(self, name: str, day: str) -> None:
        program = self.stage.settings.program
        asked = {field: found[0] for field, found in list_questions(program, "mentee").items()}
        own = {"name": name, "email": f"{name.lower()}@example.org", "submitted_at": f"{day} 10:00:00"}
        answers = write_good_answers(program) | {asked[field]: text for field, text in own.items()}
        self.sheets.append_form_rows("mentee", [answers])

    @property
    def sheets(self) -> StageSheets:
        assert isinstance(self.stage.sheets, StageSheets)
        return self.stage.sheets

    def look(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        with self.database.open_session() as session:
            rows = session.connection.execute(
                f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1"
            ).fetchall()
            return [tuple(row.values()) for row in rows]

    def list_applicants(self) -> list[tuple[Any, ...]]:
        query = "applications INNER JOIN people USING (person_id)"
        return sorted(self.look(query, "full_name", "cohort_id"))

    def list_opened(self) -> list[tuple[Any, ...]]:
        return self.look("opened_cohorts", "cohort_id", "follows")


@pytest.fixture
def here(database: Database, sample_settings: Settings, tmp_path: Path) -> Iterator[Association]:
    """The first year is over, and the committee has its tab."""
    program = sample_settings.program
    settings = replace(
        sample_settings, folder=tmp_path, database_url=database.url, sheets="local", mail="files"
    )
    stage = Stage(settings, StageSheets(program, "next"), StageMail("next"))
    with play_on(stage):
        association = Association(stage, database)
        association.apply("Ana", "2027-01-20")
        association.run("ingest-applications", "2027-01-21")
        yield association


def test_the_next_cohort_takes_applications_from_its_day_on(here: Association) -> None:
    here.write(OPENS)
    here.run("ingest-applications", "2027-12-13", dry_run=True)
    assert here.list_opened() == []
    assert here.read()["In force"] == "none"

    here.run("deliver-messages", "2027-12-14")
    here.run("ingest-applications", "2027-12-14")
    assert here.list_opened() == [("2028", "2027")]
    assert here.read()["In force"] == OPENS
    assert here.read()["What it means"].startswith("Cohort 2028 starts by itself on 1 February 2028")

    here.apply("Ben", "2028-01-31")
    here.apply("Cleo", OPENS)
    assert here.run("ingest-applications", "2028-01-31").cohort_id == "2027"
    assert here.run("ingest-applications", OPENS).cohort_id == "2028"
    assert here.list_applicants() == [("Ana", "2027"), ("Ben", "2027"), ("Cleo", "2028")]
    shown = {row["Setting"]: row["In force"] for row in here.sheets.desk["Program"]}
    assert (shown["Applications open"], shown["Starts"], shown["Next cohort opens"]) == (
        OPENS,
        "2028-03-22",
        "none",
    )
    # The day that began it is left on the tab, and is not taken for the one after.
    assert "a day of another year" in here.read()["Problem"]
    here.write("")
    for flow in ("ingest-applications", "propose-matches", "compile-evaluations"):
        assert here.run(flow, "2028-02-05").cohort_id == "2028"
        assert here.run(flow, "2028-02-05", cohort="2027").cohort_id == "2027"
    assert here.read()["Problem"] == ""
    assert here.list_opened() == [("2028", "2027")]
    assert not any(here.database.run_checks().values())


def test_running_twice_changes_nothing(here: Association) -> None:
    def look() -> tuple[Any, ...]:
        kept = [here.look(table, "*") for table in ("opened_cohorts", "cohort_settings", "audit_log")]
        return (*kept, repr(here.sheets.desk))

    here.write(OPENS)
    here.apply("Cleo", OPENS)
    for day in ("2027-12-14", "2028-01-31", OPENS, "2028-02-02"):
        here.run("ingest-applications", day)
        before = look()
        here.run("ingest-applications", day)
        assert look() == before


def test_until_its_day_the_committee_moves_it_or_takes_it_back(here: Association) -> None:
    here.write(OPENS)
    here.run("ingest-applications", "2027-12-14")
    assert [standing.cohort for standing in read_standing(None, None)] == ["2027", "2028"]
    here.write("2028-03-01")
    here.run("ingest-applications", "2028-01-15")
    assert here.run("ingest-applications", OPENS).cohort_id == "2027"
    here.write("2028-13-01")
    here.run("ingest-applications", "2028-02-02")
    assert (here.read()["In force"], here.read()["Problem"]) == (
        "2028-03-01",
        "“2028-13-01” was not taken: write a day like 2027-03-01.",
    )
    here.write("")
    here.run("ingest-applications", "2028-02-03")
    assert here.list_opened() == []
    report = here.run("purge-personal-data", "2028-03-02")
    assert report.cohort_id == "2027"
    assert report.waiting == (), "nothing has to be put back for a cohort that never was"
    changed = here.look("audit_log", "noted_at", "entity_id", "happening", "detail")
    assert [row[1:] for row in changed if row[2].endswith("_cohort")] == [
        ("2028", "open_cohort", OPENS),
        ("2028", "open_cohort", "2028-03-01"),
        ("2028", "take_back_cohort", ""),
    ]


def test_a_cohort_with_applications_stays_even_when_somebody_runs_as_of_an_earlier_day(
    here: Association,
) -> None:
    here.write(OPENS)
    here.run("ingest-applications", "2027-12-14")
    here.apply("Cleo", OPENS)
    here.run("ingest-applications", OPENS)
    for value in ("", "2028-06-01"):
        here.write(value)
        here.run("ingest-applications", "2028-01-20")
        assert open_program().program.cohorts["2028"].applications_open.isoformat() == OPENS


def test_commands_for_every_cohort_know_it(here: Association) -> None:
    here.write(OPENS)
    here.run("ingest-applications", "2027-12-14")
    here.apply("Ana", OPENS)
    here.apply("Cleo", OPENS)
    here.run("ingest-applications", OPENS)
    standings = {item.cohort: item.counts for item in read_standing(None, datetime(2028, 2, 2, 12))}
    assert standings["2027"]["mentee applications"] == {"accepted": 1}
    assert standings["2028"]["mentee applications"] == {"accepted": 2}
    [reconciled] = reconcile_program(None)
    assert reconciled.startswith("The database knows of all mail")
    said = " ".join(erase_person("ana@example.org", None))
    assert "Erased" in said
    assert here.look("people", "full_name").count((None,)) == 1
    assert "Ana" not in repr(here.sheets.desk)

    due = find_purge_day(open_program().program.cohorts["2028"])
    assert here.run("purge-personal-data", str(due)).counts == {"people to erase": 1}
    assert here.look("people", "full_name") == [(None,), (None,)]
    assert [row[1] is not None for row in here.look("cohorts", "cohort_id", "anonymised_at")] == [True, True]


def test_program_yaml_wins_over_a_cohort_of_the_same_id(here: Association) -> None:
    here.write(OPENS)
    here.run("ingest-applications", "2027-12-14")
    opened = open_program().program.cohorts["2028"]
    program = here.stage.settings.program
    mine = opened.model_copy(update={"topics_day": 9})
    changed = program.model_copy(update={"cohorts": {**program.cohorts, "2028": mine}})
    with play_on(replace(here.stage, settings=replace(here.stage.settings, program=changed))):
        assert open_run("test", None, datetime(2028, 2, 2), True).settings.program.cohorts["2028"] == mine
        assert here.run("ingest-applications", OPENS).cohort_id == "2028"
