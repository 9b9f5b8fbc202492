"""`mentoring next-year` as an operator meets it: the file, what it refuses, and the year that runs afterwards."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli import app
from deployments.people_at_work import append_committee_rows, append_form_rows, edit_committee_rows
from deployments.program_folders import list_sample_topics, make_program_folder, read_sample_responses
from deployments.run_forms import list_cohorts
from tasks.local_workbooks import COMMITTEE, FORMS, LocalWorkbooks
from tasks.settings import read_program


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands name their program folder in the environment; the next test must not inherit it."""
    monkeypatch.setenv("MENTORING_PROGRAM", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "program"
    make_program_folder(place)
    return place


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--program", str(folder)])


def test_the_file_keeps_every_line_and_gets_the_block_of_the_next_year(folder: Path) -> None:
    path = folder / "program.yaml"
    path.chmod(0o640)
    before = path.read_text(encoding="utf-8")
    result = call(folder, "next-year", "--as-of", "2027-12-20")
    assert result.exit_code == 0, result.output
    after = path.read_text(encoding="utf-8")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert added[:3] == [
        '  "2028":',
        "    applications_open: 2028-01-11",
        "    applications_close: 2028-02-12   # who applies later waits for a free seat",
    ]
    rest = after.splitlines()
    at = rest.index('  "2028":')
    assert rest[:at] + rest[at + 10 :] == before.splitlines()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "Wed 1 March 2028: introductions, with the month's topic" in result.output
    cohorts = read_program(path).cohorts
    assert sorted(cohorts) == ["2027", "2028"]
    assert str(cohorts["2028"].evaluation_due) == "2028-12-10"


def test_days_that_the_committee_moved_are_those_of_the_next_year_too(folder: Path) -> None:
    moved = {("Ends",): {"Value": "2027-12-15"}, ("Evaluation due",): {"Value": "2027-12-20"}}
    edit_committee_rows(folder / COMMITTEE, "Program", {**moved, ("Topics day",): {"Value": "3"}})
    call(folder, "run", "ingest-applications", "--as-of", "2027-02-01")
    assert call(folder, "next-year", "--as-of", "2027-12-21").exit_code == 0
    following = read_program(folder / "program.yaml").cohorts["2028"]
    assert (str(following.ends), str(following.evaluation_due)) == ("2028-12-15", "2028-12-20")
    assert following.topics_day == 3


def test_it_refuses_a_year_that_is_there_already(folder: Path) -> None:
    assert call(folder, "next-year", "--as-of", "2027-12-20").exit_code == 0
    before = (folder / "program.yaml").read_bytes()
    again = call(folder, "next-year", "--as-of", "2027-12-21")
    assert again.exit_code == 2
    assert again.stderr == (
        "✗ The cohort 2028 follows 2027 already, from 11 January 2028 on; change its days in program.yaml.\n"
    )
    assert (folder / "program.yaml").read_bytes() == before


def open_on_tab(folder: Path, day: str, moment: str) -> None:
    """The committee writes the day on which the next cohort opens, and a run reads it."""
    edit_committee_rows(folder / COMMITTEE, "Program", {("Next cohort opens",): {"Value": day}})
    assert call(folder, "run", "ingest-applications", "--as-of", moment).exit_code == 0


def test_a_year_that_the_committee_started_itself_is_known_to_every_command(folder: Path) -> None:
    before = (folder / "program.yaml").read_bytes()
    open_on_tab(folder, "2028-02-01", "2027-12-20")
    result = call(folder, "next-year", "--as-of", "2027-12-20")
    assert result.exit_code == 2
    assert result.stderr == (
        "✗ The cohort 2028 follows 2027 already, from 1 February 2028 on; the committee opened it on its Program tab, "
        "where its day is moved or emptied until it has come.\n"
    )
    assert "Cohort 2028" in call(folder, "status", "--as-of", "2027-12-20").output
    assert "cohorts that the committee opened: 2028" in call(folder, "doctor").output
    assert list_cohorts(folder) == ["2027", "2028"], "what the run form offers"
    unknown = call(folder, "run", "ingest-applications", "--cohort", "2029")
    assert unknown.stderr == "✗ There is no cohort “2029”; the program has 2027, 2028.\n"
    assert (folder / "program.yaml").read_bytes() == before


def test_the_run_form_offers_what_program_yaml_has_while_the_database_does_not_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_on_tab(folder, "2028-02-01", "2027-12-20")
    monkeypatch.setenv("MENTORING_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    assert list_cohorts(folder) == ["2027"]


def test_the_command_goes_on_from_a_year_that_the_committee_started(folder: Path) -> None:
    """2028 is not in the file, so the lines of 2029 follow the pattern of 2027's."""
    open_on_tab(folder, "2028-02-01", "2027-12-20")
    result = call(folder, "next-year", "--as-of", "2029-01-10")
    assert result.exit_code == 0, result.output
    cohorts = read_program(folder / "program.yaml").cohorts
    assert sorted(cohorts) == ["2027", "2029"]
    assert (str(cohorts["2029"].applications_open), str(cohorts["2029"].starts)) == (
        "2029-02-01",
        "2029-03-22",
    )
    assert list_cohorts(folder) == ["2027", "2028", "2029"]


def test_a_day_in_the_file_is_not_carried_into_the_next_year(folder: Path) -> None:
    path = folder / "program.yaml"
    line = "    topics_day: 1 "
    text = path.read_text(encoding="utf-8").replace(
        line, f"    next_cohort_opens: null  # nobody knows yet\n{line}"
    )
    path.write_text(text, encoding="utf-8")
    assert call(folder, "next-year", "--as-of", "2027-12-20").exit_code == 0
    assert path.read_text(encoding="utf-8").count("next_cohort_opens: null  # nobody knows yet") == 2


def test_cohorts_in_a_form_of_their_own_are_left_alone_and_the_days_are_told(folder: Path) -> None:
    path = folder / "program.yaml"
    text = path.read_text(encoding="utf-8")
    start = text.index('  "2027":\n')
    end = text.index("# ----", start)
    days = (
        "applications_open: 2027-01-11, applications_close: 2027-02-12, starts: 2027-03-01, ends: 2027-11-30, "
        "evaluation_opens: 2027-11-15, evaluation_due: 2027-12-10"
    )
    path.write_text(f"{text[:start]}  '2027': {{{days}}}\n{text[end:]}", encoding="utf-8")
    before = path.read_bytes()
    result = call(folder, "next-year", "--as-of", "2027-12-20")
    assert result.exit_code == 2
    assert "write the cohort 2028 yourself: applications_open: 2028-01-11" in result.stderr
    assert path.read_bytes() == before


def test_a_year_that_opens_before_this_one_is_over_is_pointed_out(folder: Path) -> None:
    path = folder / "program.yaml"
    text = path.read_text(encoding="utf-8").replace(
        "evaluation_due: 2027-12-10", "evaluation_due: 2028-01-20"
    )
    path.write_text(text, encoding="utf-8")
    assert "--cohort 2027" in call(folder, "next-year", "--as-of", "2027-12-20").output


@pytest.mark.timeout(300)
def test_the_flows_run_the_next_year_and_who_waited_goes_first(tmp_path: Path) -> None:
    """A mentee without a mentor in 2027 gets the one seat of 2028, before a like newcomer who applied earlier."""
    responses = read_sample_responses()
    mentor = next(row for row in responses["mentor"] if row["Timestamp"])
    mentees = [row for row in responses["mentee"] if row["Timestamp"]][:1]
    folder = tmp_path / "program"
    make_program_folder(folder, {"mentee": mentees}, list_sample_topics())
    edit_committee_rows(folder / COMMITTEE, "Program", {("Ends",): {"Value": "2027-12-01"}})
    for flow, day in (("ingest-applications", "2027-02-13"), ("propose-matches", "2027-02-14")):
        assert call(folder, "run", flow, "--as-of", day).exit_code in (0, 1)
    assert call(folder, "next-year", "--as-of", "2027-12-20").exit_code == 0
    program = read_program(folder / "program.yaml")
    asked = program.forms["mentee"].fields
    newcomer = {asked["email"]: "newcomer@example.org", asked["name"]: "Nell Newcomer"}
    other = {**mentees[0], "Timestamp": "2028-01-12 10:00:00", **newcomer}
    again = {**mentees[0], "Timestamp": "2028-01-20 10:00:00"}
    append_form_rows(folder / FORMS, program, "mentee", [other, again])
    seat = {"Timestamp": "2028-01-15 09:00:00", program.forms["mentor"].fields["capacity"]: "1"}
    append_form_rows(folder / FORMS, program, "mentor", [{**mentor, **seat}])
    append_committee_rows(folder / COMMITTEE, "Topics", [{"Month": "2028-03", "Topic": "Hello"}])
    result = call(folder, "run", "ingest-applications", "--as-of", "2028-02-13")
    assert result.exit_code == 1
    assert "Program tab, “Ends”: see the problem beside it." in result.output, "last year's day is not taken"
    proposed = call(folder, "run", "propose-matches", "--as-of", "2028-02-14")
    assert "proposed: 1" in proposed.output
    [match] = LocalWorkbooks(folder, program.zone).read_committee(["Matches"])["Matches"].read_rows()
    assert match["Mentee"].startswith(mentees[0][asked["name"]])
