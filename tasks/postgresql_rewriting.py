"""Writing PostgreSQL's files anew, so that nothing of what was deleted is left in them.

Belongs here: the tables that hold what people wrote, and waiting until nobody may look at what is gone. Does not belong
here: what is deleted (`tasks.erasure`), and SQLite, which overwrites what it deletes (`tasks.database`).
"""

from __future__ import annotations

import time
from typing import Any

from tasks.database_errors import DatabaseError

#: Tables that hold what people wrote or were written.
_PERSONAL_TABLES = (
    *("people", "applications", "matches", "messages", "message_attachments"),
    *("confirmations", "requests", "check_ins", "evaluations", "unplaced_responses"),
)
_PAUSE_SECONDS = 0.05
#: PostgreSQL counts transactions in a circle of this many, of which half are earlier.
_CIRCLE = 2**32


def rewrite_tables(connection: Any, patience_seconds: float) -> None:
    """Write the personal tables and the planner's statistics anew; `connection` commits by itself.

    Raises `DatabaseError` if transactions of others that began before stay open for longer than `patience_seconds`.
    """
    _await_earlier(connection, patience_seconds)
    for table in _PERSONAL_TABLES:
        connection.execute(f"VACUUM (FULL, ANALYZE) {table}")
    # The planner's statistics quote values of the tables, also those that are gone.
    _await_earlier(connection, patience_seconds)
    connection.execute("VACUUM (FULL) pg_catalog.pg_statistic")


def _await_earlier(connection: Any, patience_seconds: float) -> None:
    """Wait for whoever began before now: what they might still read is copied into the new files as well."""
    row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next").fetchone()
    upcoming = int(row["next"]) % _CIRCLE
    until = time.monotonic() + patience_seconds
    while any(0 < (upcoming - begun) % _CIRCLE < _CIRCLE // 2 for begun in _list_open(connection)):
        if time.monotonic() > until:
            raise DatabaseError(
                "The data is erased, but another program has had the database open for too long, so PostgreSQL's files "
                "may still hold it; let that one end (a backup, a query tool), then run the same once more."
            )
        time.sleep(_PAUSE_SECONDS)


def _list_open(connection: Any) -> list[int]:
    """The transactions that others are in or began after: of any database where they write, of ours where they read."""
    rows = connection.execute(
        "SELECT backend_xid::text AS begun FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND backend_xid IS NOT NULL "
        "UNION ALL SELECT backend_xmin::text FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND backend_xmin IS NOT NULL AND datname = current_database()"
    ).fetchall()
    return [int(row["begun"]) for row in rows]
