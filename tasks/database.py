"""The program's database: schema, transactions and the named queries of `sql/`.

The only module that reads `sql/`. Belongs here: connecting, migrating, and running one named query. Does not belong
here: which queries make up a step of the program (`tasks.applications`, `tasks.matches`, `tasks.outbox`, …).

SQLite gets one writer at a time (`BEGIN IMMEDIATE`), PostgreSQL the same through an advisory lock: the volumes are
small and a program that can't interleave is easier to trust.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

SQL = Path(__file__).resolve().parent.parent / "sql"
#: Any number will do, as long as every process of the program uses the same one.
_WRITER_LOCK = 7_221_907
_SENDER_LOCK = 7_221_908

Row = dict[str, Any]


class DatabaseError(Exception):
    """The database can't be used; the text is one sentence with the mend, without personal data."""


class ChangedMeanwhileError(Exception):
    """A row was no longer in the state in which it was read; nothing was changed, and a retry sees the new state."""


def format_time(moment: datetime) -> str:
    """An aware date-time as the database writes it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The aware date-time that `format_time` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


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
        from uuid import uuid4

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
        """One transaction, committed at the end and rolled back on any exception."""
        with self._connect() as connection:
            queries = _load_queries("sqlite3" if self.is_sqlite else "psycopg")
            if self.is_sqlite:
                connection.execute("BEGIN IMMEDIATE")
            else:
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITER_LOCK,))
            try:
                yield Transaction(connection, queries, actor, format_time(at))
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _connect(self) -> Iterator[Any]:
        connection = self._open_sqlite() if self.is_sqlite else self._open_postgresql()
        try:
            yield connection
        finally:
            connection.close()

    def _open_sqlite(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise DatabaseError(f"The database {self.path.name} can't be opened ({error}); check the folder.") from None
        connection.row_factory = sqlite3.Row
        return connection

    def _open_postgresql(self) -> Any:
        import psycopg
        from psycopg.rows import dict_row

        try:
            return psycopg.connect(self.url.get_secret_value(), row_factory=dict_row, connect_timeout=10)
        except psycopg.OperationalError:
            # The driver's text may repeat the address with its password.
            raise DatabaseError(
                "PostgreSQL does not answer or refuses the login; check MENTORING_DATABASE_URL and that the server runs."
            ) from None

    @contextmanager
    def hold_sender_lock(self) -> Iterator[bool]:
        """Whether this process is the only one that may send, for as long as the block lasts.

        On PostgreSQL an advisory lock that its connection holds, so that workers on several machines exclude each
        other; with SQLite all processes share one folder, and the caller's lock file does it.
        """
        if self.is_sqlite:
            yield True
            return
        with self._connect() as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(%s) AS is_ours", (_SENDER_LOCK,)).fetchone()
            connection.commit()
            yield bool(row["is_ours"])

    def migrate(self) -> int:
        """Apply the schema files that are still missing, and the views; returns how many were applied.

        Raises `DatabaseError` if the database was made by a newer release.
        """
        known = {path.stem for path in (SQL / "schema").glob("*.sql")}
        applied = self._list_applied()
        if applied - known:
            raise DatabaseError(
                "The database was made by a newer release of this software; install that release, or restore a backup."
            )
        if applied == known:
            return 0
        self._apply_schema()
        return len(known - applied)

    def _list_applied(self) -> set[str]:
        if self.is_sqlite and not self.path.exists():
            return set()
        with self._connect() as connection:
            catalogue = (
                "SELECT name FROM sqlite_master WHERE name = '_yoyo_migration'"
                if self.is_sqlite
                else "SELECT tablename FROM pg_tables WHERE tablename = '_yoyo_migration'"
            )
            if not connection.execute(catalogue).fetchall():
                return set()
            rows = connection.execute("SELECT migration_id AS id FROM _yoyo_migration").fetchall()
            return {row["id"] for row in rows}

    def _apply_schema(self) -> None:
        from yoyo import get_backend, read_migrations

        if self.is_sqlite:
            # Personal data: for the owner's eyes only, from the first byte on.
            self.path.touch(mode=0o600, exist_ok=True)
        # psycopg 3 by name, since yoyo takes psycopg 2 for plain postgresql.
        url = self.url.get_secret_value().replace("postgres://", "postgresql://", 1)
        backend = get_backend(url.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            with backend.lock(timeout=60):
                backend.apply_migrations(backend.to_apply(read_migrations(str(SQL / "schema"))))
        finally:
            backend.connection.close()
        with self._connect() as connection:
            for path in sorted((SQL / "views").glob("*.sql")):
                for statement in path.read_text(encoding="utf-8").split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
            connection.commit()


@lru_cache(maxsize=2)
def _load_queries(driver: str) -> Any:
    import aiosql

    return aiosql.from_path(SQL / "queries", driver, mandatory_parameters=False)
