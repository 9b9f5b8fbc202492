"""The command line as people meet it: help, one sentence for what is wrong, exit statuses, and what commands leave alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from typer.models import CommandInfo
from typer.testing import CliRunner, Result

from deployments.cli import app
from deployments.private_server import PrivateServer, start_private_server
from deployments.program_folders import list_sample_topics, make_program_folder, read_sample_responses
from tasks.settings import load_settings

COMMANDS = [
    "demo",
    "rehearse",
    "init",
    "run",
    "preview",
    "serve",
    "deploy",
    "status",
    "next-year",
    "doctor",
    "match",
    "verify",
    "reconcile",
    "erase",
]
HEAVY = [
    "prefect", "pandas", "numpy", "great_expectations", "openpyxl", "scipy", "ortools", "jinja2", "pydantic",
    "sqlalchemy", "psycopg", "matplotlib", "yaml",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Commands name their program folder in the environment; the next test must not inherit it."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("MENTORING_")]:
        del os.environ[name]
    yield
    for name in [name for name in os.environ if name.startswith("MENTORING_")]:
        del os.environ[name]
    os.environ.update({name: text for name, text in before.items() if name.startswith("MENTORING_")})


@pytest.fixture(scope="module")
def prefect_server() -> Iterator[PrivateServer]:
    """One Prefect server for the few tests that run flows."""
    with start_private_server() as server:
        server.wait()
        with server.use_quickly():
            yield server


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program folder with the sample's applications; tests work on copies."""
    folder = tmp_path_factory.mktemp("sample") / "program"
    make_program_folder(folder, read_sample_responses(), list_sample_topics())
    return folder


@pytest.fixture
def program(sample: Path, tmp_path: Path) -> Path:
    """A program folder of this test's own."""
    folder = tmp_path / "program"
    folder.mkdir()
    for path in sample.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def call(*words: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner(env=env).invoke(app, [str(word) for word in words])


def refuse(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """The one sentence with which a command refuses: exit status 2, nothing else said, no traceback."""
    result = call(*words, env=env)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("✗ ")
    return lines[0].removeprefix("✗ ")


def change_program(folder: Path, old: str, new: str) -> None:
    path = folder / "program.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def run_in_shell(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own: what is on stderr there, a person sees."""
    script = "from deployments.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def take_stock(folder: Path) -> dict[str, str]:
    """Every file of a program folder by its content; the database by its rows."""
    stock = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("mentoring.sqlite") and path.suffix != ".lock"
    }
    with sqlite3.connect(folder / "mentoring.sqlite") as connection:
        stock["database"] = hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()
    return stock


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command() -> None:
    shown = call("--help").stdout
    assert [name for name in COMMANDS if f"│ {name} " not in shown] == []


def name_command(item: CommandInfo) -> str:
    return item.name or item.callback.__name__


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_says_what_it_does_and_shows_an_example(command: str) -> None:
    result = call(command, "--help", env={"COLUMNS": "200"})
    assert result.exit_code == 0
    function = next(item.callback for item in app.registered_commands if name_command(item) == command)
    assert function.__doc__.split(";")[0].split(".")[0] in " ".join(result.stdout.split())
    assert f"Example: mentoring {command}" in result.stdout


def test_no_command_is_left_out_here() -> None:
    assert sorted(map(name_command, app.registered_commands)) == sorted(COMMANDS)


def test_help_loads_no_heavy_library() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from deployments.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


# --- wrong use and wrong configuration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("association:", "colour: red\nassociation:", "program.yaml has the unknown key “colour”; remove it"),
        ("  weights:", "  wieghts:", "program.yaml has the unknown key “policy → wieghts”"),
        ("sender:", "links_:", "program.yaml lacks “sender”; add it."),
        ("starts: 2027-03-01", "starts: soon", "program.yaml, “cohorts → 2027 → starts”: "),
        (
            "ends: 2027-11-30",
            "ends: 2027-02-01",
            "program.yaml, “cohorts → 2027”: ends must be after starts.",
        ),
        (
            'time_zone: "America/New_York"',
            'time_zone: "Eastern"',
            "program.yaml, “time_zone”: “Eastern” is not a time zone; write one like America/New_York",
        ),
        ('name: "Serials', 'name: ["Serials', "program.yaml can't be read near line "),
    ],
)
def test_a_wrong_program_yaml_is_one_sentence(program: Path, old: str, new: str, expected: str) -> None:
    change_program(program, old, new)
    assert refuse("status", "--program", program).startswith(expected)


def test_a_mapping_without_the_email_is_named_with_the_mend(
    program: Path, prefect_server: PrivateServer
) -> None:
    change_program(program, '      email: "Email Address"\n', "")
    done = run_in_shell("run", "ingest-applications", "--program", program, "--as-of", "2027-02-13T10:00")
    assert done.returncode == 1
    assert (
        "does not say which question of the form “mentor” holds “email”. Add it under forms → mentor"
        in done.stdout
    )
    assert done.stderr == ""


@pytest.mark.parametrize("content", [b"", b"- a list\n", b"\xff\xfe\x00binary"])
def test_a_program_yaml_that_holds_no_settings_is_one_sentence(program: Path, content: bytes) -> None:
    (program / "program.yaml").write_bytes(content)
    assert refuse("status", "--program", program).startswith("program.yaml ")


def test_a_folder_without_program_yaml_is_one_sentence(tmp_path: Path) -> None:
    for words in (
        ["status"],
        ["erase", "a@example.org"],
        ["run", "propose-matches"],
        ["preview", "propose-matches"],
    ):
        sentence = refuse(*words, "--program", tmp_path)
        assert sentence.startswith(f"There is no program.yaml in {tmp_path}; go to the program's folder")


@pytest.mark.parametrize("command", ["run", "preview"])
def test_an_unknown_flow_is_answered_with_the_known_ones(program: Path, command: str) -> None:
    sentence = refuse(command, "send-newsletters", "--program", program)
    assert sentence.startswith("There is no flow “send-newsletters”; choose one of ingest-applications, ")


def test_an_unknown_cohort_is_answered_with_the_known_ones(program: Path) -> None:
    sentence = refuse("run", "propose-matches", "--cohort", "1999", "--program", program)
    assert sentence == "There is no cohort “1999”; the program has 2027."


def test_a_moment_that_is_none_is_one_sentence(program: Path) -> None:
    sentence = refuse("status", "--as-of", "yesterday", "--program", program)
    assert sentence == "“yesterday” is not a moment; write --as-of like 2027-03-01 or 2027-03-01T10:00."


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("MENTORING_SHEETS", "nonsense", "MENTORING_SHEETS is “nonsense”; choose "),
        ("MENTORING_MAIL", "pigeon", "MENTORING_MAIL is “pigeon”; choose "),
        (
            "MENTORING_DATABASE_URL",
            "mysql://localhost/x",
            "MENTORING_DATABASE_URL must start with sqlite:/// or",
        ),
        (
            "MENTORING_DATABASE_URL",
            "sqlite:////nowhere/at/all.sqlite",
            "The database all.sqlite can't be opened",
        ),
        (
            "MENTORING_DATABASE_URL",
            "postgresql://somebody:secret-word@127.0.0.1:1/x",
            "PostgreSQL does not answer or refuses the login; check MENTORING_DATABASE_URL",
        ),
    ],
)
def test_a_wrong_environment_is_one_sentence_without_the_secret(
    program: Path, variable: str, value: str, expected: str
) -> None:
    sentence = refuse("status", "--program", program, env={variable: value})
    assert sentence.startswith(expected)
    assert "secret-word" not in sentence


def test_a_missing_committee_workbook_is_one_sentence(program: Path) -> None:
    (program / "committee.xlsx").unlink()
    assert refuse("status", "--program", program).startswith(
        "committee.xlsx is not in the program folder; put it back"
    )


def test_a_committee_workbook_that_is_none_is_one_sentence(program: Path) -> None:
    (program / "committee.xlsx").write_text("Dear committee,")
    assert refuse("status", "--program", program).startswith(
        "committee.xlsx is not an Excel workbook; save it as .xlsx"
    )


def test_a_missing_forms_workbook_stops_the_flow_with_one_sentence(
    program: Path, prefect_server: PrivateServer
) -> None:
    (program / "forms.xlsx").unlink()
    done = run_in_shell("run", "ingest-applications", "--program", program)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "✗ forms.xlsx is not in the program folder; put it back there, or make a new one with `mentoring init`."
    ]
    assert done.stdout == ""


def test_an_empty_forms_workbook_is_named_and_rejects_nobody(
    program: Path, prefect_server: PrivateServer
) -> None:
    openpyxl.Workbook().save(program / "forms.xlsx")
    done = run_in_shell("run", "ingest-applications", "--program", program)
    assert done.returncode == 1
    assert "  → The forms spreadsheet has no tab “Mentor applications”." in done.stdout
    assert done.stderr == ""


def test_init_makes_a_folder_once(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    done = call("init", folder)
    assert done.exit_code == 0
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [
        "committee.xlsx", "forms.xlsx", "program.yaml",
    ]  # fmt: skip
    before = {path: path.read_bytes() for path in folder.iterdir()}
    sentence = refuse("init", folder)
    assert sentence == f"{folder} already has program.yaml; choose another folder, or remove the file first."
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_init_with_the_sample_has_applications_and_topics(tmp_path: Path) -> None:
    assert call("init", tmp_path / "ours", "--sample").exit_code == 0
    forms = openpyxl.load_workbook(tmp_path / "ours" / "forms.xlsx")
    assert [forms[name].max_row > 20 for name in ("Mentor applications", "Mentee applications")] == [
        True,
        True,
    ]
    desk = openpyxl.load_workbook(tmp_path / "ours" / "committee.xlsx")
    assert desk["Topics"].max_row == 10


def test_init_where_no_folder_can_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "can't be made or written" in refuse("init", tmp_path / "file" / "ours")


def test_demo_does_not_write_over_a_program(program: Path) -> None:
    assert refuse("demo", "--out", program).startswith(
        f"{program} already has program.yaml; choose another folder"
    )


@pytest.mark.parametrize("command", [["status"], ["run", "propose-matches"], ["doctor"]])
def test_no_command_shows_a_traceback_for_a_wrong_program_yaml(program: Path, command: list[str]) -> None:
    change_program(program, "association:", "colour: red\nassociation:")
    done = run_in_shell(*command, "--program", program)
    assert "Traceback" not in done.stdout + done.stderr
    assert "the unknown key “colour”" in done.stdout + done.stderr


def test_debug_shows_the_traceback(program: Path) -> None:
    (program / "program.yaml").unlink()
    done = run_in_shell("status", "--program", program, "--debug")
    assert "Traceback" in done.stderr
    assert (
        done.stderr.rstrip()
        .splitlines()[-1]
        .startswith("tasks.settings.SettingsError: There is no program.yaml")
    )


# --- matching alone -------------------------------------------------------------------------------------------------


def write_people(folder: Path, mentors: str = "", mentees: str = "") -> tuple[Path, Path]:
    heads = "person_id,institution,years_experience,channels,time_zone,capacity,topics_offered\n"
    ours = "person_id,institution,years_experience,channels,time_zone,topics_wanted\n"
    (folder / "mentors.csv").write_text(heads + mentors, encoding="utf-8")
    (folder / "mentees.csv").write_text(ours + mentees, encoding="utf-8")
    return folder / "mentors.csv", folder / "mentees.csv"


MENTOR = "a,North College,20,E-mail,America/Denver,1,Linked data\n"
MENTEE = "b,South College,3,E-mail,America/Denver,Linked data\n"


def test_match_writes_a_result_and_says_where(tmp_path: Path) -> None:
    mentors, mentees = write_people(tmp_path, MENTOR, MENTEE)
    done = call("match", mentors, mentees, "--out", tmp_path / "result")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Matched 1 of 1 mentees with ")
    rows = (tmp_path / "result" / "matches.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("a,b,") or ",a,b," in f",{rows[1]}"


def write_two_pairs(folder: Path) -> tuple[Path, Path]:
    """Two mentors and two mentees; who wants what leaves one best matching: a with x, b with y."""
    mentors = MENTOR + "b,East College,20,E-mail,America/Denver,1,Teaching\n"
    mentees = "x,South College,3,E-mail,America/Denver,Linked data\ny,West College,3,E-mail,America/Denver,Teaching\n"
    return write_people(folder, mentors, mentees)


def test_match_says_what_another_pair_would_cost_and_who_would_move(tmp_path: Path) -> None:
    people = write_two_pairs(tmp_path)
    done = call("match", *people, "--out", tmp_path / "result", "--what-if", "a=y", "--what-if", "a = x")
    assert done.exit_code == 0, done.output
    first, cost, same = done.stdout.splitlines()
    assert first.startswith("Matched 2 of 2 mentees")
    assert cost.startswith("Pairing a with y costs ")
    assert cost.endswith("x would go from a to b.")
    assert same == "Pairing a with x is part of the best matching; nothing else changes."
    rows = (tmp_path / "result" / "matches.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[:2] for row in rows] == [["a", "x"], ["b", "y"]], "asking decides nothing"


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("a", "“a” is not a pair; write --what-if MENTOR=MENTEE with the ids of the tables."),
        ("=y", "“=y” is not a pair; write --what-if MENTOR=MENTEE with the ids of the tables."),
        ("a=z", "There is no mentee z; name a mentee by the id in the table."),
    ],
)
def test_match_refuses_a_what_if_that_names_no_pair(tmp_path: Path, pair: str, sentence: str) -> None:
    assert (
        refuse("match", *write_two_pairs(tmp_path), "--out", tmp_path / "out", "--what-if", pair) == sentence
    )
    assert not (tmp_path / "out").exists()


def test_verify_proves_what_match_wrote_and_names_what_was_changed(tmp_path: Path) -> None:
    out = tmp_path / "result"
    assert call("match", *write_two_pairs(tmp_path), "--out", out).exit_code == 0
    proven = call("verify", out)
    assert (proven.exit_code, proven.stderr) == (0, "")
    assert proven.stdout == f"✓ Proven: no other matching of these people is better than the one in {out}.\n"
    matches = out / "matches.csv"
    text = matches.read_text(encoding="utf-8")
    matches.write_text(
        text.replace("a,x,", "a,?,").replace("b,y,", "b,x,").replace("a,?,", "a,y,"), encoding="utf-8"
    )
    changed = call("verify", out)
    assert changed.exit_code == 1
    assert changed.stdout.startswith("✗ ")
    assert "Proven" not in changed.stdout
    assert refuse("verify", tmp_path).endswith("name the folder that `mentoring match` wrote.")


def test_match_shows_rounds_better_pairs_and_the_gap_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from deployments.matching import show_progress
    from mentoring.matching import Step

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    shown = StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    with show_progress() as report:
        report(Step(1, 2048, None))
        report(Step(2, 17, 4100))
        report(Step(3, 0, 0))
    assert "Round 3: 0 better pairs, at most to gain: 0 points" in shown.getvalue()


def test_match_interrupted_by_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    people = write_crowd(tmp_path, 10_000)
    # A run of the tests in the background passes on that Ctrl-C is ignored.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    start = [sys.executable, "-c", f"{listen}; from deployments.cli import main; main()"]
    command = [*start, "match", *map(str, people), "--out", str(tmp_path / "out")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(timeout=3)
    run.send_signal(signal.SIGINT)
    _, words = run.communicate(timeout=60)
    assert run.returncode not in (0, None)
    assert b"Traceback" not in words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mentees.csv", "mentors.csv"]


def write_crowd(folder: Path, size: int) -> tuple[Path, Path]:
    topics = [f"Topic {number}" for number in range(12)]
    mentors = [
        f"m{n},College {n % 90},{9 + n % 20},E-mail,America/Denver,1,{topics[n % 12]}\n" for n in range(size)
    ]
    mentees = [
        f"e{n},School {n % 70},{n % 5},E-mail,America/Denver,{topics[n * 7 % 12]}\n" for n in range(size)
    ]
    return write_people(folder, "".join(mentors), "".join(mentees))


def test_match_without_mentors_or_mentees_is_one_sentence(tmp_path: Path) -> None:
    mentors, mentees = write_people(tmp_path, "", MENTEE)
    assert (
        refuse("match", mentors, mentees)
        == "mentors.csv has no mentor; add at least one row below the headings."
    )
    mentors, mentees = write_people(tmp_path, MENTOR, "")
    assert (
        refuse("match", mentors, mentees)
        == "mentees.csv has no mentee; add at least one row below the headings."
    )


def test_match_of_files_that_are_no_tables_of_people_is_one_sentence(tmp_path: Path) -> None:
    _, mentees = write_people(tmp_path, MENTOR, MENTEE)
    (tmp_path / "people.txt").write_text("person_id\n")
    (tmp_path / "people.xlsx").write_text("person_id\n")
    (tmp_path / "colour.csv").write_text("person_id,colour\na,red\n")
    assert refuse("match", tmp_path / "people.txt", mentees).startswith(
        "people.txt is not a table of people; use a .csv"
    )
    assert refuse("match", tmp_path / "people.xlsx", mentees).startswith(
        "people.xlsx is not an Excel workbook; save it"
    )
    assert refuse("match", tmp_path / "none.csv", mentees).startswith("There is no file ")
    assert "unknown column “colour”; remove it or use one of: person_id" in refuse(
        "match", tmp_path / "colour.csv", mentees
    )


def test_match_with_a_wrong_policy_is_one_sentence(tmp_path: Path) -> None:
    people = write_people(tmp_path, MENTOR, MENTEE)
    policy = tmp_path / "policy.yaml"
    assert refuse("match", *people, "--policy", policy).startswith("There is no file ")
    policy.write_text("wieghts: {}\n")
    assert refuse("match", *people, "--policy", policy).startswith(
        "policy.yaml has the unknown key “wieghts”"
    )
    policy.write_text("weights: [\n")
    assert refuse("match", *people, "--policy", policy).startswith("policy.yaml can't be read as YAML")


# --- status, doctor, preview, erase ---------------------------------------------------------------------------------


def test_status_of_a_new_program_names_what_is_next(program: Path) -> None:
    done = call("status", "--program", program, "--as-of", "2027-01-05")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "Cohort 2027, 5 January 2027"
    assert "    11 January 2027: applications open" in done.stdout.splitlines()
    assert "  Nothing waits for a person." in done.stdout.splitlines()
    assert (
        "  Nothing runs by itself: no Prefect server has the flows; “mentoring serve” starts one."
        in done.stdout.splitlines()
    )


def test_status_says_that_the_first_topic_goes_out_inside_the_introductions(program: Path) -> None:
    lines = call("status", "--program", program, "--as-of", "2027-02-25").stdout.splitlines()
    assert "    1 March 2027: introductions, with the month's topic" in lines
    assert not any("1 March 2027: monthly topic" in line for line in lines)
    assert "    1 April 2027: monthly topic" in lines


def test_status_for_other_programs_is_json(program: Path) -> None:
    done = call("status", "--program", program, "--json", "--as-of", "2027-01-05")
    [standing] = json.loads(done.stdout)
    assert standing["cohort"] == "2027"
    assert datetime.fromisoformat(standing["as_of"]).isoformat() == "2027-01-05T05:00:00+00:00"
    assert standing["next"] == [["2027-01-11", "applications open"], ["2027-02-12", "last day to apply"]]
    assert standing["waiting"] == []
    assert standing["paused"] is None, "no server knows its flows"


def test_doctor_finds_a_new_program_healthy(program: Path) -> None:
    done = call("doctor", "--program", program)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert [line for line in lines if not line.startswith("✓ ")] == []
    answered = [row for row in read_sample_responses()["mentor"] if row["Timestamp"]]
    assert f"✓ form “Mentor applications”: responses: {len(answered)}" in lines
    assert "✓ database: SQLite, up to date" in lines


def test_doctor_names_each_thing_that_is_wrong_and_its_mend(program: Path) -> None:
    desk = openpyxl.load_workbook(program / "committee.xlsx")
    del desk["Unmatched"]
    desk.save(program / "committee.xlsx")
    forms = openpyxl.load_workbook(program / "forms.xlsx")
    forms["Mentee applications"].title = "Students"
    forms["Mentor applications"]["B1"] = "Address"
    forms.save(program / "forms.xlsx")
    done = call("doctor", "--program", program)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("✗ ")]
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in wrong] == [
        "✗ form “Mentor applications”", "✗ form “Mentee applications”", "✗ committee's sheet",
    ]  # fmt: skip
    assert "has no column “Email Address”" in wrong[0]
    assert "add it, or correct forms → mentee → tab in program.yaml" in wrong[1]
    assert "these tabs are missing: Unmatched" in wrong[2]


def test_doctor_names_what_is_broken_in_the_database(program: Path) -> None:
    assert call("doctor", "--program", program).exit_code == 0
    with sqlite3.connect(program / "mentoring.sqlite") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(
            "INSERT INTO applications (application_id, cohort_id, applicant_role, response_key, sheet_row, received_at,"
            " answers, state, previous_state, changed_at) VALUES ('x', '2027', 'mentee', 'k', 2, '', '{}',"
            " 'needs_attention', 'received', '')"
        )
        connection.execute("INSERT INTO mentor_seats (application_id, seat) VALUES ('x', 1)")
    done = call("doctor", "--program", program)
    [line] = [line for line in done.stdout.splitlines() if "database" in line]
    assert done.exit_code == 1
    assert line.startswith("✗ database: SQLite, but it holds what must never be: seat of a mentee (1)")


def test_doctor_warns_of_secrets_that_others_may_read_and_shows_none(program: Path) -> None:
    secrets = {
        "MENTORING_SENDGRID_API_KEY": "SG.made-up-secret",
        "MENTORING_SMTP_URL": "smtp://name:made-up-secret@127.0.0.1:9",
        "MENTORING_GOOGLE_SERVICE_ACCOUNT": "account.json",
    }
    (program / ".env").write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
    (program / "account.json").write_text('{"private_key": "made-up-secret"}')
    for name in (".env", "account.json"):
        (program / name).chmod(0o644)
    done = call("doctor", "--program", program)
    assert done.exit_code == 1
    for name in (".env", "account.json"):
        words = (
            f"✗ {name}: others on this machine may read the secrets in it; run “chmod 600 {program / name}”."
        )
        assert words in done.stdout.replace("\n", " ").splitlines() or words in done.stdout
        (program / name).chmod(0o600)
    again = call("doctor", "--program", program)
    assert "chmod" not in again.stdout
    assert "made-up-secret" not in done.stdout + again.stdout


def test_secrets_are_in_no_repr_and_no_traceback(program: Path) -> None:
    secrets = {
        "MENTORING_SENDGRID_API_KEY": "SG.made-up-secret",
        "MENTORING_SMTP_URL": "smtp://name:made-up-secret@127.0.0.1:9",
        "MENTORING_GOOGLE_SERVICE_ACCOUNT": '{"private_key": "made-up-secret"}',
        "MENTORING_DATABASE_URL": "postgresql://name:made-up-secret@127.0.0.1:9/nowhere",
    }
    for mail in ("sendgrid", "smtp"):
        variables = {**secrets, "MENTORING_MAIL": mail, "MENTORING_SHEETS": "google"}
        for words in (["doctor"], ["run", "deliver-messages", "--debug"], ["status", "--debug"]):
            done = call(*words, "--program", program, env=variables)
            assert done.exit_code != 0
            told = "".join(traceback.format_exception(done.exception)) if done.exception else ""
            assert "made-up-secret" not in done.output + told
    with pytest.MonkeyPatch.context() as patch:
        for name, value in secrets.items():
            patch.setenv(name, value)
        assert "made-up-secret" not in repr(load_settings(program))


def test_doctor_says_that_the_database_can_not_be_opened(program: Path) -> None:
    done = call(
        "doctor", "--program", program, env={"MENTORING_DATABASE_URL": "sqlite:////nowhere/at/all.sqlite"}
    )
    assert done.exit_code == 1
    assert "✗ database: The database all.sqlite can't be opened" in done.stdout


def test_erasing_an_unknown_address_is_one_sentence_without_it(program: Path) -> None:
    sentence = refuse("erase", "nobody@example.org", "--program", program)
    assert sentence == "Nobody has this address; check its spelling, or look on the Applications tab."


def read_words(path: Path) -> tuple[str, str, str]:
    """Subject, text and page of a mail in a file."""
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    text, page = (mail.get_body((form,)).get_content() for form in ("plain", "html"))
    return mail["Subject"], text.replace("\r\n", "\n").rstrip(), page.replace("\r\n", "\n").rstrip()


def test_preview_writes_the_mails_and_changes_nothing_and_the_run_sends_them(
    program: Path, tmp_path: Path, prefect_server: PrivateServer
) -> None:
    assert call("status", "--program", program).exit_code == 0
    before = take_stock(program)
    words = ["ingest-applications", "--program", program, "--as-of", "2027-02-13T10:00"]
    out = tmp_path / "preview"
    previewed = call("preview", *words, "--out", out)
    assert previewed.exit_code == 0, previewed.exception
    assert take_stock(program) == before
    mails = sorted(out.glob("*.eml"))
    assert previewed.stdout.strip() == f"Messages: {len(mails)}, see {out / 'index.html'}."
    assert mails
    assert refuse("preview", *words, "--out", out).startswith(
        f"{out} is not empty; name another folder with --out"
    )

    dry = call("run", *words, "--dry-run")
    assert dry.stdout.startswith("Would do: new applications: 56, accepted: 42, ")
    assert take_stock(program) == before

    done = run_in_shell("run", *words)
    assert done.stdout.startswith("Done: new applications: 56, accepted: 42, ")
    assert done.returncode == 1, "addresses that can't be used wait for a person"
    assert done.stderr == ""
    with sqlite3.connect(program / "mentoring.sqlite") as connection:
        queued = connection.execute(
            "SELECT subject_line, RTRIM(body_text, CHAR(10)), RTRIM(body_html, CHAR(10)) FROM messages"
        ).fetchall()
    assert sorted(map(read_words, mails)) == sorted(queued), "a preview shows exactly what is sent"
    assert call("run", *words).stdout.startswith("Done: nothing to do")


def test_a_preview_into_a_file_is_one_sentence(program: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sentence = refuse("preview", "propose-matches", "--program", program, "--out", tmp_path / "file")
    assert sentence == f"{tmp_path / 'file'} is a file; name a folder with --out."


def test_the_program_folder_may_come_from_the_environment(program: Path) -> None:
    done = call("status", "--as-of", "2027-01-05", env={"MENTORING_PROGRAM": str(program)})
    assert done.stdout.startswith("Cohort 2027, 5 January 2027")
