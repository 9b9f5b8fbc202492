"""Connections to PostgreSQL that stay open between transactions.

A new one costs the server a process with empty caches, which is more than most transactions of this program need.
Belongs here: opening, keeping and letting go. Does not belong here: what is done with a connection
(`tasks.database_sessions`).
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tasks.database_errors import explain_silence

#: A step with several senders needs one for each; more than this many are not worth a server's memory.
_KEPT = 8

_idle: defaultdict[str, list[Any]] = defaultdict(list)
_guard = threading.Lock()


@contextmanager
def borrow_connection(address: str, patience_seconds: int) -> Iterator[Any]:
    """A connection that answers, with no transaction open. `patience_seconds` is the longest wait for a lock.

    At the end it is kept for whoever comes next in this process. It is closed instead if anything failed, if a
    transaction is still open, or if it no longer waits for a commit, so that nobody inherits what another did to it.
    Raises `DatabaseError` if the server can't be reached.
    """
    connection = _take(address) or _open(address, patience_seconds)
    try:
        yield connection
        if _is_as_new(connection):
            _keep(address, connection)
            return
    except BaseException:
        connection.close()
        raise
    connection.close()


def close_idle_connections() -> None:
    """Close what is kept, as at the end of the process."""
    with _guard:
        kept = [connection for connections in _idle.values() for connection in connections]
        _idle.clear()
    for connection in kept:
        connection.close()


def _take(address: str) -> Any:
    """A kept connection that still answers; the server may have been restarted meanwhile."""
    import psycopg

    while True:
        with _guard:
            if not _idle[address]:
                return None
            connection = _idle[address].pop()
        try:
            # Asked outside of a transaction, for one way to the server and back.
            connection.autocommit = True
            connection.execute("")
            connection.autocommit = False
        except psycopg.Error:
            connection.close()
        else:
            return connection


def _open(address: str, patience_seconds: int) -> Any:
    import psycopg
    from psycopg.rows import dict_row

    try:
        connection = psycopg.connect(address, row_factory=dict_row, connect_timeout=10)
        connection.execute(f"SET lock_timeout = '{patience_seconds}s'")
        connection.commit()
    except psycopg.Error:
        # The driver's text may repeat the address with its password.
        raise explain_silence() from None
    return connection


def _is_as_new(connection: Any) -> bool:
    from psycopg.pq import TransactionStatus

    return not connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE


def _keep(address: str, connection: Any) -> None:
    with _guard:
        if len(_idle[address]) < _KEPT:
            _idle[address].append(connection)
            return
    connection.close()


def _forget() -> None:
    """A forked process must not speak on its parent's connections."""
    global _guard
    _guard = threading.Lock()
    _idle.clear()


os.register_at_fork(after_in_child=_forget)
atexit.register(close_idle_connections)
