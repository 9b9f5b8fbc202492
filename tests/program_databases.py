"""Databases of both kinds for the tests, and runs and processes that use them.

The fixtures that hand them out are in `conftest.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.database import SQL, Database
from tasks.postgresql_connections import close_idle_connections
from tasks.runs import Run
from tasks.settings import Settings

KINDS = ["sqlite", "postgresql"]
SAMPLE = SQL.parent / "deployments" / "programs" / "sample"
NOW = datetime(2027, 3, 1, 15, tzinfo=UTC)
_numbers = count(1)


@dataclass(frozen=True)
class PostgresServer:
    """A running server; `template` is a database with the schema."""

    url: str
    template: str

    def create(self, template: str = "template0") -> str:
        """A new database as a URL."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        close_idle_connections()
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url.format(name)

    def drop(self, url: str) -> None:
        name = url.split("/")[3].split("?")[0]
        close_idle_connections()
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url.format("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@dataclass
class DatabaseMaker:
    """Makes databases of one kind, and drops them at the end."""

    kind: str
    folder: Path
    request: pytest.FixtureRequest
    urls: list[str] = field(default_factory=list)

    def make(self, schema: bool = True) -> Database:
        """A new database: with the schema and nothing in it, or empty (the SQLite file does not exist yet)."""
        if self.kind == "postgresql":
            server: PostgresServer = self.request.getfixturevalue("postgres_server")
            self.urls.append(server.create(server.template if schema else "template0"))
            return Database(SecretStr(self.urls[-1]))
        path = self.folder / f"mentoring{next(_numbers)}.sqlite"
        if schema:
            path.touch(mode=0o600)
            path.write_bytes(self.request.getfixturevalue("sqlite_template").read_bytes())
        return Database(SecretStr(f"sqlite:///{path}"))

    def copy(self, database: Database) -> Database:
        """A copy of a database that nobody is using."""
        if self.kind == "postgresql":
            server: PostgresServer = self.request.getfixturevalue("postgres_server")
            name = database.url.get_secret_value().split("/")[3].split("?")[0]
            self.urls.append(server.create(name))
            return Database(SecretStr(self.urls[-1]))
        path = self.folder / f"mentoring{next(_numbers)}.sqlite"
        path.touch(mode=0o600)
        path.write_bytes(database.path.read_bytes())
        return Database(SecretStr(f"sqlite:///{path}"))

    def drop_all(self) -> None:
        for url in self.urls:
            self.request.getfixturevalue("postgres_server").drop(url)


def make_run(database: Database, settings: Settings, folder: Path) -> Run:
    settings = replace(settings, folder=folder, database_url=database.url)
    run = Run("test", settings, settings.program.require_cohort(None), NOW, False)
    with database.transaction("test", NOW) as transaction:
        transaction.execute("add_cohort", cohort_id=run.cohort_id, at=transaction.at, token_key="0" * 32)
    return run


def run_python(code: str, run: Run | None = None, database: Database | None = None) -> subprocess.Popen[str]:
    """A process of its own that runs `code`, which finds the same run as `run` and its database as `database`."""
    database = database or (run.database if run else None)
    assert database is not None
    head = (
        "import os, sys, time\nsys.path.insert(0, 'tests')\nfrom pathlib import Path\nfrom pydantic import SecretStr\n"
        "from tasks.database import Database\ndatabase = Database(SecretStr(sys.stdin.readline().strip()))\n"
    )
    if run is not None:
        head += (
            "from program_databases import SAMPLE, open_again\n"
            f"run = open_again(database, Path({str(run.settings.folder)!r}), {run.now.isoformat()!r})\n"
        )
    process = subprocess.Popen(
        [sys.executable, "-c", head + code],
        cwd=SQL.parent,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(database.url.get_secret_value() + "\n")
    process.stdin.flush()
    return process


def open_again(database: Database, folder: Path, moment: str) -> Run:
    """In another process: the run that `make_run` made."""
    from tasks.settings import load_settings

    settings = replace(load_settings(SAMPLE), folder=folder, database_url=database.url)
    return Run("test", settings, settings.program.require_cohort(None), datetime.fromisoformat(moment), False)
