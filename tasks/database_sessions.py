"""One connection to the program's database: transactions, named queries, and the lock of the one sender.

Belongs here: what is done with an open connection. Does not belong here: opening it, migrating, reading `sql/`
(`tasks.database`).
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from mentoring.errors import PlainError
from tasks.database_errors import explain_folder

if TYPE_CHECKING:
    from tasks.database import Database

#: Any number will do, as long as every process of the program uses the same one.
_WRITER_LOCK = 7_221_907
_SENDER_LOCK = 7_221_908

#: Asks whether the sender's lock is still ours; may be called from several threads at once.
StillOurs = Callable[[], bool]

Row = dict[str, Any]


class ChangedMeanwhileError(PlainError):
    """A row was no longer in the state in which it was read; nothing was changed, and a retry sees the new one."""


def _tell_of_change(query: str) -> ChangedMeanwhileError:
    return ChangedMeanwhileError(f"“{query}” found its row changed by another run; run again.")


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
        return list(getattr(self.queries, query)(self.connection, **values))

    def fetch_one(self, query: str, **values: Any) -> Row | None:
        """The row of a named query that gives one at most."""
        row: Row | None = getattr(self.queries, query)(self.connection, **values)
        return row

    def execute(self, query: str, **values: Any) -> int:
        """Run a named change; returns how many rows it changed."""
        return int(getattr(self.queries, query)(self.connection, **values))

    def change_one(self, query: str, **values: Any) -> None:
        """Run a named change that must change exactly one row. Raises `ChangedMeanwhileError` otherwise."""
        if self.execute(query, **values) != 1:
            raise _tell_of_change(query)

    def change_each(self, query: str, values: Iterable[Mapping[str, Any]], count: int) -> None:
        """Run a named change, of one row by its key, once for each of the `count` values, in one call.

        Raises `ChangedMeanwhileError` if one of them finds no such row.
        """
        if self._execute_many(query, values) != count:
            raise _tell_of_change(query)

    def note(self, entity: str, entity_id: str, happening: str, detail: str = "") -> None:
        """Add an audit row. `detail` must not hold personal text."""
        self.note_all([(entity, entity_id, happening, detail)])

    def note_all(self, notes: Sequence[tuple[str, str, str, str]]) -> None:
        """Add audit rows: entity, its id, what happened, and a detail without personal text."""
        always = {"noted_at": self.at, "actor": self.actor}
        # Ids that follow one another are much less work for the table's index than as many random ones.
        unique = token_hex(12)
        rows = (
            {
                "audit_id": f"{unique}{number:08x}",
                "entity": entity,
                "entity_id": entity_id,
                "happening": happening,
                "detail": detail,
                **always,
            }
            for number, (entity, entity_id, happening, detail) in enumerate(notes)
        )
        if notes:
            self._execute_many("add_audit", rows)

    def _execute_many(self, query: str, values: Iterable[Mapping[str, Any]]) -> int:
        sql, pick = _by_place(getattr(self.queries, query).sql)
        cursor = self.connection.cursor()
        try:
            # SQLite looks every value up by its name for each row, at as much cost as writing it.
            cursor.executemany(sql, map(pick, values) if pick else values)
            return int(cursor.rowcount)
        finally:
            cursor.close()


#: A value as SQLite's statements name it, and no cast of PostgreSQL's.
_NAMED = re.compile(r"(?<![:\w]):([a-z]\w*)")


@cache
def _by_place(sql: str) -> tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]] | None]:
    """A statement for SQLite with its values by place, and what puts them there; for psycopg as it is."""
    names = _NAMED.findall(sql)
    if len(names) < 2:
        return sql, None
    return _NAMED.sub("?", sql), itemgetter(*names)


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

    def hold_sender_lock(self) -> AbstractContextManager[StillOurs | None]:
        """The right to send, for as long as the block lasts: a question to ask again before every message.

        None if another process has it. The system frees the lock of a process that dies. With SQLite it is a locked
        file beside the database; on PostgreSQL a lock of a connection of its own, so that no transaction is in its way.
        Raises `DatabaseError`.
        """
        return self._lock_file() if self.database.is_sqlite else self._lock_postgresql()

    @contextmanager
    def _lock_file(self) -> Iterator[StillOurs | None]:
        from filelock import FileLock, Timeout

        path = self.database.path
        place = path.with_name(f".{path.name}.sending")
        # Not bound to the thread that took it: the senders ask about it, too.
        lock = FileLock(place, timeout=0, mode=0o600, thread_local=False)
        try:
            lock.acquire()
            mine = os.stat(place).st_ino
        except Timeout:
            yield None
            return
        except OSError as error:
            raise explain_folder(error, path) from None

        def is_ours() -> bool:
            # A file that somebody deleted stays locked, but another process makes a new one and locks that.
            with suppress(OSError):
                return lock.is_locked and os.stat(place).st_ino == mine
            return False

        try:
            yield is_ours
        finally:
            lock.release()

    @contextmanager
    def _lock_postgresql(self) -> Iterator[StillOurs | None]:
        holding = (
            "SELECT 1 FROM pg_locks "
            "WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() AND objid = %s"
        )
        guard = threading.Lock()
        with self.database.open_session() as own:
            with self.database.explain_errors():
                own.connection.autocommit = True
                asking = own.connection.execute("SELECT pg_try_advisory_lock(%s) AS is_ours", (_SENDER_LOCK,))
                taken = bool(asking.fetchone()["is_ours"])

            def is_ours() -> bool:
                # A connection that broke has lost its lock, and says so with an error.
                with guard, suppress(self.database.driver_error):
                    return own.connection.execute(holding, (_SENDER_LOCK,)).fetchone() is not None
                return False

            try:
                yield is_ours if taken else None
            finally:
                # The server notices a closed connection a moment later, when the next delivery may be asking already.
                with guard, suppress(self.database.driver_error):
                    if taken:
                        own.connection.execute("SELECT pg_advisory_unlock(%s)", (_SENDER_LOCK,))
