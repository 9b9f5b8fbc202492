"""The program's database: schema, transactions and the named queries of `sql/`.

The only module that reads `sql/`. Belongs here: connecting, migrating, running one named query. Does not
belong here: which queries make up a step of the program (`tasks.ledger`, `tasks.outbox`, `tasks.erasure`), what is done
with an open connection (`tasks.database_sessions`), and the sentences about what is wrong (`tasks.database_errors`).

SQLite gets one writer at a time (`BEGIN IMMEDIATE`), PostgreSQL the same through an advisory lock: the volumes
are small and a program that can't interleave is easier to trust.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from tasks.database_errors import (
    DatabaseError,
    RefusedChangeError,
    explain_folder,
    explain_postgresql,
    explain_sqlite,
)
from tasks.database_schema import VIEWS, SchemaPart, apply_parts, list_missing_parts
from tasks.database_sessions import (
    ChangedMeanwhileError,
    Row,
    Session,
    StillOurs,
    Transaction,
    format_time,
    parse_time,
)
from tasks.postgresql_connections import borrow_connection
from tasks.postgresql_rewriting import rewrite_tables

__all__ = [
    "ChangedMeanwhileError",
    "Database",
    "DatabaseError",
    "RefusedChangeError",
    "Row",
    "Session",
    "StillOurs",
    "Transaction",
    "format_time",
    "parse_time",
]

SQL = Path(__file__).resolve().parent.parent / "sql"
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Database:
    """A program's database by its URL (`sqlite:///path` or `postgresql://…`)."""

    url: SecretStr

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite (else PostgreSQL)."""
        return self.url.get_secret_value().startswith("sqlite:///")

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.url.get_secret_value().removeprefix("sqlite:///"))

    @contextmanager
    def transaction(self, actor: str, at: datetime) -> Iterator[Transaction]:
        """One transaction, committed at the end and rolled back on any exception. Raises `DatabaseError`."""
        with self.open_session() as session, session.transaction(actor, at) as transaction:
            yield transaction

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        """A connection until the block ends. Raises `DatabaseError`."""
        if not self.is_sqlite:
            address = self.url.get_secret_value()
            with borrow_connection(address, _PATIENCE_SECONDS) as borrowed:
                yield Session(self, borrowed)
            return
        with self.explain_errors():
            connection = self._open_sqlite()
        try:
            yield Session(self, connection)
        finally:
            connection.close()

    def _open_sqlite(self) -> sqlite3.Connection:
        # Without “rw” a mistyped path would become a new and empty database.
        address = f"file:{quote(str(self.path))}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)
        connection.row_factory = _name_values
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten with zeros.
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    @property
    def driver_error(self) -> type[Exception]:
        """The base of the driver's exceptions."""
        if self.is_sqlite:
            return sqlite3.Error
        import psycopg

        return psycopg.Error

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Turn the driver's exceptions into `DatabaseError`, without the values that their texts may hold."""
        try:
            yield
        except self.driver_error as error:
            if isinstance(error, sqlite3.Error):
                raise explain_sqlite(error, self.path) from None
            raise explain_postgresql(error) from None

    def load_queries(self, folder: str = "queries") -> Any:
        """The named queries of a folder of `sql/`."""
        return _load_queries(folder, self._driver)

    @property
    def _driver(self) -> str:
        return "sqlite3" if self.is_sqlite else "psycopg"

    def migrate(self) -> int:
        """Apply the schema files that are missing, and the views; returns how many files were applied.

        All in one transaction: a migration that is interrupted leaves everything as it was, and of two at once
        the second finds the work done. Raises `DatabaseError` if the database was made by a newer release,
        belongs to another program, or can't be written.
        """
        if self.is_sqlite:
            self._make_file()
        with self.open_session() as session:
            with self.explain_errors():
                missing = self._list_missing_parts(session)
                session.connection.rollback()
            if not missing:
                return 0
            with session.write():
                # Asked again, since another process may have done it meanwhile.
                missing = self._list_missing_parts(session)
                apply_parts(session.connection, self.load_queries(), missing)
        return sum(part.name != VIEWS for part in missing)

    def _make_file(self) -> None:
        try:
            # Personal data: for the owner's eyes only, from the first byte on.
            self.path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            if not self.path.is_file():
                raise explain_folder(error, self.path) from None

    def _list_missing_parts(self, session: Session) -> list[SchemaPart]:
        return list_missing_parts(session.connection, self.load_queries(), self._driver, _read_schema())

    def rewrite(self) -> None:
        """Write the files anew, so that nothing of what was deleted is left in them. Raises `DatabaseError`."""
        with self.open_session() as session, self.explain_errors():
            if self.is_sqlite:
                # Not through a file in the system's folder for temporary ones.
                session.connection.execute("PRAGMA temp_store = MEMORY")
                session.connection.execute("VACUUM")
                return
            session.connection.autocommit = True
            rewrite_tables(session.connection, _PATIENCE_SECONDS)

    def run_checks(self) -> dict[str, list[Row]]:
        """Every invariant of `sql/checks/` by its name, with the rows that break it: none if all is well.

        Rows hold ids, states and figures, never personal data. Raises `DatabaseError`.
        """
        checks = self.load_queries("checks")
        names = [name for name in checks.available_queries if not name.endswith("_cursor")]
        with self.open_session() as session, session.write():
            return {name: list(getattr(checks, name)(session.connection)) for name in names}


def _name_values(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


@lru_cache(maxsize=4)
def _load_queries(folder: str, driver: str) -> Any:
    import aiosql

    return aiosql.from_path(SQL / folder, driver, mandatory_parameters=False)


def _read_schema() -> list[SchemaPart]:
    """The numbered files of the schema in their order, then the views."""
    files = [SchemaPart(path.stem, path.read_text("utf-8")) for path in _list_files("schema")]
    return [*files, SchemaPart(VIEWS, "\n".join(path.read_text("utf-8") for path in _list_files("views")))]


def _list_files(folder: str) -> list[Path]:
    return sorted((SQL / folder).glob("*.sql"))
