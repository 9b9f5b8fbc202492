"""What can be wrong with a database, in one sentence each with the mend.

A driver's own text is never repeated where it may hold a value: PostgreSQL quotes the row that it refuses, and
the row may be somebody's address. Belongs here: sentences. Does not belong here: connecting (`tasks.database`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from mentoring.errors import PlainError


class DatabaseError(PlainError):
    """The database can't be used; the text is one sentence with the mend, without personal data."""


class RefusedChangeError(DatabaseError):
    """The database refused a state that the program does not allow; `rule` names the constraint.

    `is_double`: what was to be added is there already, as it happens when two runs do the same at the same moment.
    """

    def __init__(self, rule: str, is_double: bool = False) -> None:
        words = "would make something a second time" if is_double else "the program's rules forbid"
        mend = "another run may have been quicker, so run again; if it stays, " if is_double else "please "
        super().__init__(
            f"The database refused a change that {words} ({rule}) and kept everything as it was; {mend}report this to "
            "whoever maintains the software."
        )
        self.rule = rule


_READ_ONLY = "{} can be read but not written; ask its owner for the right to write, then run again."
_BUSY = "{} has been kept busy by another run for too long; wait until that one is done, then run again."
_FULL = "There is no room left for {}, and nothing was changed; make room on the disk, then run again."
_BROKEN = "{} is damaged or not a database at all; restore a backup, or correct MENTORING_DATABASE_URL."
_FOREIGN = (
    "{} belongs to another program or to an unfinished release of this one; choose another place in "
    "MENTORING_DATABASE_URL."
)
_UNREACHABLE = "{} can't be opened; check that its folder exists and that this user may write into it."
_SILENT = (
    "PostgreSQL does not answer or refuses the login; check MENTORING_DATABASE_URL and that the server runs."
)
_NEWER = "{} was made by a newer release of this software; install that release, or restore a backup."
_OTHER = "{} can't do what was asked ({}), and nothing was changed; “mentoring doctor” looks at it."

_SQLITE = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _FULL,
    sqlite3.SQLITE_CORRUPT: _BROKEN,
    sqlite3.SQLITE_NOTADB: _BROKEN,
    sqlite3.SQLITE_CANTOPEN: _UNREACHABLE,
}
_SQLITE_DOUBLES = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
_POSTGRESQL_DOUBLE = "23505"
_POSTGRESQL = {
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
    "55P03": _BUSY,
    "53100": _FULL,
    "42P07": _FOREIGN,
}


def explain_sqlite(error: sqlite3.Error, path: Path) -> DatabaseError:
    """The sentence for an error of the sqlite3 module."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    name = f"The database {path.name}"
    if code == sqlite3.SQLITE_CONSTRAINT:
        # “CHECK constraint failed: name”, “UNIQUE constraint failed: table.column”; never a value.
        rule = str(error).rpartition(": ")[2].removesuffix(" constraint failed")
        return RefusedChangeError(rule, error.sqlite_errorcode in _SQLITE_DOUBLES)
    if code in _SQLITE:
        return DatabaseError(_SQLITE[code].format(name if _SQLITE[code] is not _FULL else name.lower()))
    return DatabaseError(_OTHER.format(name, getattr(error, "sqlite_errorname", type(error).__name__)))


def explain_postgresql(error: Any) -> DatabaseError:
    """The sentence for an error of psycopg."""
    name, state = "The database", error.sqlstate or ""
    if state.startswith("23"):
        rule = error.diag.constraint_name or error.diag.column_name or state
        return RefusedChangeError(rule, is_double=state == _POSTGRESQL_DOUBLE)
    if state in _POSTGRESQL:
        return DatabaseError(_POSTGRESQL[state].format(name if state != "53100" else name.lower()))
    if not state or state.startswith(("08", "57P")):
        return explain_silence()
    return DatabaseError(_OTHER.format(name, state))


def explain_silence() -> DatabaseError:
    """The sentence for a PostgreSQL server that can't be talked to."""
    return DatabaseError(_SILENT)


def explain_folder(error: OSError, path: Path) -> DatabaseError:
    """The sentence for a folder in which the SQLite file can't be made."""
    reason = (error.strerror or type(error).__name__).lower()
    return DatabaseError(_UNREACHABLE.format(f"The database {path.name}").replace(";", f" ({reason});", 1))


def explain_schema(is_newer: bool) -> DatabaseError:
    """The sentence for a schema that is not ours: of a newer release, or somebody else's."""
    return DatabaseError((_NEWER if is_newer else _FOREIGN).format("The database"))
