"""Bringing a database's schema up to date: what is missing, and applying it.

All in the caller's transaction, so that an interrupted migration leaves nothing half done. (yoyo-migrations
commits a file first and the note that it was applied afterwards: a process killed between the two can never
migrate again.) Belongs here: comparing and applying parts. Does not belong here: reading them from `sql/`
(`tasks.database`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tasks.database_errors import explain_schema

#: The part that holds every view; unlike a numbered file it is applied again whenever it has changed.
VIEWS = "views"

_TABLE = "CREATE TABLE IF NOT EXISTS schema_parts (part TEXT PRIMARY KEY, digest TEXT NOT NULL)"
_LIST_TABLES = {
    "sqlite3": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "psycopg": "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()",
}


@dataclass(frozen=True)
class SchemaPart:
    """A numbered file of the schema, or all views together."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return sha256(self.text.encode()).hexdigest()

    def split_statements(self) -> Iterator[str]:
        """The SQL statements, one after the other; a semicolon in a text or comment ends none."""
        statement = ""
        for line in self.text.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ""


def list_missing_parts(
    connection: Any, queries: Any, driver: str, parts: Sequence[SchemaPart]
) -> list[SchemaPart]:
    """What has to be applied, in order. Raises `DatabaseError` if the schema there is newer or not ours."""
    applied = _read_applied(connection, queries, driver)
    if applied.keys() - {part.name for part in parts}:
        raise explain_schema(is_newer=True)
    missing = [part for part in parts if part.name != VIEWS and part.name not in applied]
    views = [part for part in parts if part.name == VIEWS and (missing or applied.get(VIEWS) != part.digest)]
    return [*missing, *views]


def _read_applied(connection: Any, queries: Any, driver: str) -> Mapping[str, str]:
    tables = {row["name"] for row in connection.execute(_LIST_TABLES[driver])}
    if "schema_parts" in tables:
        return {row["part"]: row["digest"] for row in queries.list_schema_parts(connection)}
    # Programs do share a PostgreSQL database; there only a table of the same name is refused, when it is made.
    if tables and driver == "sqlite3":
        raise explain_schema(is_newer=False)
    return {}


def apply_parts(connection: Any, queries: Any, parts: Sequence[SchemaPart]) -> None:
    """Apply the parts and note them, in the transaction that is open."""
    connection.execute(_TABLE)
    for part in parts:
        for statement in part.split_statements():
            connection.execute(statement)
        queries.put_schema_part(connection, part=part.name, digest=part.digest)
