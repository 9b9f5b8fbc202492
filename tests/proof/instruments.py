"""Watching a process at work and stopping it at a chosen moment.

Every change that outlives the process passes here: a commit (before and after), a call to the mail provider (before it,
with the request sent, with the reply read), a synced file. The drivers' own functions are wrapped, so that no line of
the program knows of it and none can evade it. Belongs here: counting moments and acting at one. Does not belong here:
what is run, and what must hold afterwards.
"""

from __future__ import annotations

import http.client
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import psycopg

_CHANGES = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "WITH")


@dataclass
class Watch:
    """What was reached so far; at the moment `stop_at` (counted from 1) the process gets the signal."""

    stop_at: int = 0
    signal: int = signal.SIGKILL
    places: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def reach(self, place: str) -> None:
        with self.lock:
            self.places.append(place)
            if len(self.places) == self.stop_at:
                os.kill(os.getpid(), self.signal)


_watch: Watch | None = None


def reach(place: str) -> None:
    """A moment that counts."""
    if _watch is not None:
        _watch.reach(place)


@contextmanager
def watch(stop_at: int = 0, stop_signal: int = signal.SIGKILL) -> Iterator[Watch]:
    """Count every moment of this process until the block ends."""
    global _watch
    _watch = Watch(stop_at, stop_signal)
    try:
        with (
            patch.object(sqlite3, "connect", _connect_watched),
            patch.object(psycopg.Connection, "commit", _commit_postgresql),
            patch.object(psycopg.Cursor, "execute", _execute_postgresql),
            patch.object(http.client.HTTPConnection, "putrequest", _begin_request),
            patch.object(http.client.HTTPConnection, "endheaders", _send_request),
            patch.object(http.client.HTTPConnection, "getresponse", _read_reply),
            patch.object(os, "fsync", _sync),
        ):
            yield _watch
    finally:
        _watch = None


def _find_caller() -> str:
    """The innermost function of the program that is no part of the database's own module."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if "/tasks/" in path and "/tasks/database" not in path:
            return f"{path.rpartition('/')[2].removesuffix('.py')}.{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "?"


class _WatchedConnection(sqlite3.Connection):
    """A connection of SQLite whose commits of a change are moments."""

    seen = 0

    def commit(self) -> None:
        place = _find_caller() if self.in_transaction and self.total_changes != self.seen else ""
        self.seen = self.total_changes
        if place:
            reach(f"before the commit in {place}")
        super().commit()
        if place:
            reach(f"after the commit in {place}")


_connect = sqlite3.connect
_commit = psycopg.Connection.commit
_execute = psycopg.Cursor.execute
_putrequest = http.client.HTTPConnection.putrequest
_endheaders = http.client.HTTPConnection.endheaders
_getresponse = http.client.HTTPConnection.getresponse
_fsync = os.fsync


def _connect_watched(*args: Any, **kwargs: Any) -> sqlite3.Connection:
    return _connect(*args, factory=_WatchedConnection, **kwargs)


def _execute_postgresql(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(query, str) and query.lstrip().upper().startswith(_CHANGES):
        cursor.connection.has_changed = True
    return _execute(cursor, query, *args, **kwargs)


def _commit_postgresql(connection: Any) -> None:
    changed, connection.has_changed = getattr(connection, "has_changed", False), False
    place = _find_caller() if changed else ""
    if place:
        reach(f"before the commit in {place}")
    _commit(connection)
    if place:
        reach(f"after the commit in {place}")


def _begin_request(connection: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
    # Without what varies from call to call: a query, an id.
    connection.asked = f"{method} {'/'.join(url.partition('?')[0].split('/')[:4])}"
    _putrequest(connection, method, url, *args, **kwargs)


def _send_request(connection: Any, *args: Any, **kwargs: Any) -> None:
    reach(f"before {connection.asked}")
    _endheaders(connection, *args, **kwargs)
    reach(f"in flight {connection.asked}")


def _read_reply(connection: Any, *args: Any, **kwargs: Any) -> Any:
    reply = _getresponse(connection, *args, **kwargs)
    reach(f"reply {reply.status} to {connection.asked}")
    return reply


def _sync(handle: int) -> None:
    place = _find_caller()
    reach(f"before syncing in {place}")
    _fsync(handle)
    reach(f"after syncing in {place}")
