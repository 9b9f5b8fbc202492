"""The program's database: schema, transactions and the named queries of `sql/`.

The only module that reads `sql/`. Belongs here: connecting, migrating, running one named query. Does not
belong here: which queries make up a step of the program (`tasks.ledger`, `tasks.outbox`, `tasks.erasure`), and
the sentences about what is wrong with a database (`tasks.database_errors`).

SQLite gets one writer at a time (`BEGIN IMMEDIATE`), PostgreSQL the same through an advisory lock: the volumes
are small and a program that can't interleave is easier to trust.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pydantic import SecretStr

from tasks.database_errors import (
    DatabaseError,
    RefusedChangeError,
    explain_folder,
    explain_postgresql,
    explain_silence,
    explain_sqlite,
)
from tasks.database_schema import VIEWS, SchemaPart, apply_parts, list_missing_parts

__all__ = [
    "ChangedMeanwhileError",
    "Database",
    "DatabaseError",
    "RefusedChangeError",
    "Row",
    "Session",
    "Transaction",
    "format_time",
    "parse_time",
]

SQL = Path(__file__).resolve().parent.parent / "sql"
#: Any number will do, as long as every process of the program uses the same one.
_WRITER_LOCK = 7_221_907
_SENDER_LOCK = 7_221_908
_PATIENCE_SECONDS = 30
#: Tables that hold what people wrote or were written.
_PERSONAL_TABLES = (
    *("people", "applications", "matches", "messages"),
    *("requests", "check_ins", "evaluations", "unplaced_responses"),
)

Row = dict[str, Any]


class ChangedMeanwhileError(Exception):
    """A row was no longer in the state in which it was read; nothing was changed, and a retry sees the new one."""


def format_time(moment: datetime) -> str:
    """An aware date-time as the database writes it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The aware date-time that `format_time` wrote."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True)
class Transaction:
    """One open transaction: runs named queries, and notes in the audit log who changed what."""

    connection: Any
    queries: Any
    actor: str
    at: str

    def fetch_all(self, query: str, **values: Any) -> list[Row]:
        """Rows of a named query."""
        return [dict(row) for row in getattr(self.queries, query)(self.connection, **values)]

    def fetch_one(self, query: str, **values: Any) -> Row | None:
        """The row of a named query that gives one at most."""
        row = getattr(self.queries, query)(self.connection, **values)
        return None if row is None else dict(row)

    def execute(self, query: str, **values: Any) -> int:
        """Run a named change; returns how many rows it changed."""
        return int(getattr(self.queries, query)(self.connection, **values))

    def change_one(self, query: str, **values: Any) -> None:
        """Run a named change that must change exactly one row. Raises `ChangedMeanwhileError` otherwise."""
        if self.execute(query, **values) != 1:
            raise ChangedMeanwhileError(f"“{query}” found its row changed by another run; run again.")

    def note(self, entity: str, entity_id: str, happening: str, detail: str = "") -> None:
        """Add an audit row. `detail` must not hold personal text."""
        self.execute(
            "add_audit",
            audit_id=uuid4().hex,
            noted_at=self.at,
            actor=self.actor,
            entity=entity,
            entity_id=entity_id,
            happening=happening,
            detail=detail,
        )


@dataclass(frozen=True)
class Session:
    """One open connection, for several transactions one after the other."""

    database: Database
    connection: Any

    @contextmanager
    def transaction(self, actor: str, at: datetime) -> Iterator[Transaction]:
        """One transaction, committed at the end and rolled back on any exception. Raises `DatabaseError`."""
        with self.write():
            yield Transaction(self.connection, self.database.load_queries(), actor, format_time(at))

    @contextmanager
    def write(self) -> Iterator[None]:
        """Be the only writer until the block ends, then commit; on any exception nothing is changed."""
        with self.database.explain_errors():
            try:
                if self.database.is_sqlite:
                    self.connection.execute("BEGIN IMMEDIATE")
                else:
                    self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITER_LOCK,))
                yield
                self.connection.commit()
            except BaseException:
                # A broken connection can't roll back, and has no need to.
                with suppress(self.database.driver_error):
                    self.connection.rollback()
                raise

    @contextmanager
    def hold_sender_lock(self) -> Iterator[bool]:
        """Whether this process is the only one that may send, for as long as the block lasts.

        The system frees the lock of a process that dies. On PostgreSQL the lock belongs to this very connection:
        as long as the session can commit, nobody else holds it, on whatever machine. With SQLite it is a locked
        file beside the database.
        """
        lock = self._lock_file() if self.database.is_sqlite else self._lock_postgresql()
        with lock as is_ours:
            yield is_ours

    @contextmanager
    def _lock_file(self) -> Iterator[bool]:
        from filelock import FileLock, Timeout

        path = self.database.path
        lock = FileLock(path.with_name(f".{path.name}.sending"), timeout=0, mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        except OSError as error:
            raise explain_folder(error, path) from None
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def _lock_postgresql(self) -> Iterator[bool]:
        asking = "SELECT pg_try_advisory_lock(%s) AS is_ours"
        with self.database.explain_errors():
            row = self.connection.execute(asking, (_SENDER_LOCK,)).fetchone()
            self.connection.commit()
        # Freed with the connection, when the session ends.
        yield bool(row["is_ours"])


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
        """A connection that is closed at the end. Raises `DatabaseError`."""
        with self.explain_errors():
            connection = self._open_sqlite() if self.is_sqlite else self._open_postgresql()
        try:
            yield Session(self, connection)
        finally:
            connection.close()

    def _open_sqlite(self) -> sqlite3.Connection:
        # Without “rw” a mistyped path would become a new and empty database.
        address = f"file:{quote(str(self.path))}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten with zeros.
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _open_postgresql(self) -> Any:
        import psycopg
        from psycopg.rows import dict_row

        address = self.url.get_secret_value()
        try:
            connection = psycopg.connect(address, row_factory=dict_row, connect_timeout=10)
        except psycopg.Error:
            # The driver's text may repeat the address with its password.
            raise explain_silence() from None
        connection.execute(f"SET lock_timeout = '{_PATIENCE_SECONDS}s'")
        connection.commit()
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
            for table in _PERSONAL_TABLES:
                session.connection.execute(f"VACUUM (FULL) {table}")

    def run_checks(self) -> dict[str, list[Row]]:
        """Every invariant of `sql/checks/` by its name, with the rows that break it: none if all is well.

        Rows hold ids, states and figures, never personal data. Raises `DatabaseError`.
        """
        checks = self.load_queries("checks")
        names = [name for name in checks.available_queries if not name.endswith("_cursor")]
        with self.open_session() as session, session.write():
            return {name: [dict(row) for row in getattr(checks, name)(session.connection)] for name in names}


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
