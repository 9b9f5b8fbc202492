"""Connections to PostgreSQL that are kept: by whom they are used again, and when they are let go."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from program_databases import NOW, PostgresServer
from pydantic import SecretStr

from tasks.database import Database, DatabaseError, Session
from tasks.postgresql_connections import close_idle_connections


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    address = postgres_server.create(postgres_server.template)
    yield Database(SecretStr(address))
    postgres_server.drop(address)


def ask_for_backend(session: Session) -> int:
    """The number of the server's process; the transaction is closed again."""
    row = session.connection.execute("SELECT pg_backend_pid() AS backend").fetchone()
    session.connection.rollback()
    return int(row["backend"])


def find_backend(database: Database) -> int:
    with database.open_session() as session:
        return ask_for_backend(session)


def test_one_connection_serves_transactions_that_follow_each_other(database: Database) -> None:
    first = find_backend(database)
    with database.transaction("test", NOW) as transaction:
        transaction.note("cohort", "2027", "looked at")
    assert find_backend(database) == first


def test_sessions_at_the_same_time_have_connections_of_their_own(database: Database) -> None:
    with database.open_session() as one, database.open_session() as other:
        assert ask_for_backend(one) != ask_for_backend(other)


def test_a_connection_that_the_server_has_cut_is_replaced(
    database: Database, postgres_server: PostgresServer
) -> None:
    first = find_backend(database)
    postgres_server.execute(f"SELECT pg_terminate_backend({first})")
    assert find_backend(database) != first


def test_nobody_inherits_a_connection_on_which_something_failed(database: Database) -> None:
    first = find_backend(database)
    with pytest.raises(DatabaseError), database.transaction("test", NOW) as transaction:
        transaction.connection.execute("SELECT 1 / 0")
    assert find_backend(database) != first


def test_nobody_inherits_an_open_transaction(database: Database) -> None:
    with database.open_session() as session:
        session.connection.execute("CREATE TABLE half_done (number integer)")
    with database.open_session() as session:
        found = session.connection.execute("SELECT to_regclass('half_done') AS found").fetchone()
        session.connection.rollback()
    assert found == {"found": None}


def test_the_right_to_send_ends_with_its_session(database: Database) -> None:
    for _ in range(50):
        with database.open_session() as session, session.hold_sender_lock() as still_ours:
            assert still_ours is not None
            assert still_ours()
            with database.open_session() as other, other.hold_sender_lock() as not_theirs:
                assert not_theirs is None


def test_a_forked_process_opens_its_own(database: Database) -> None:
    """Two processes that speak on one connection read each other's answers."""
    first = find_backend(database)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        found = 0
        try:
            found = find_backend(database)
            close_idle_connections()
        finally:
            os.write(writing, str(found).encode())
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert int(pipe.read()) not in (0, first)
    assert find_backend(database) == first
