"""Opening, migrating and checking a database of either kind, and what people read when it can't be used."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import stat
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from program_databases import NOW, DatabaseMaker, run_python
from pydantic import SecretStr
from small_cohort import DAY, SmallCohort

from mentoring.changes import AddPerson, EndMatch
from tasks.database import (
    SQL,
    Database,
    DatabaseError,
    RefusedChangeError,
    Session,
    format_time,
    parse_time,
)
from tasks.database_schema import VIEWS, SchemaPart
from tasks.runs import Run

FILES = len(list((SQL / "schema").glob("*.sql")))


def sqlite(path: Path) -> Database:
    return Database(SecretStr(f"sqlite:///{path}"))


def list_tables(database: Database) -> set[str]:
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if database.is_sqlite
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    with database.open_session() as session:
        return {row["name"] for row in session.connection.execute(catalogue)}


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Be a user for whom file permissions count, if the tests run as root."""
    user = os.geteuid()
    if user == 0:
        os.chown(folder, 65534, 65534)
        for path in folder.iterdir():
            os.chown(path, 65534, 65534)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach, too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


# Migrating


def test_migrating_brings_the_schema_once(databases: DatabaseMaker) -> None:
    database = databases.make(schema=False)
    assert database.migrate() == FILES
    assert {"cohorts", "people", "applications", "matches", "messages", "audit_log"} <= list_tables(database)
    assert database.migrate() == 0


def test_a_sqlite_file_is_for_its_owner_only(tmp_path: Path) -> None:
    sqlite(tmp_path / "new.sqlite").migrate()
    assert stat.S_IMODE((tmp_path / "new.sqlite").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a b.sqlite", "what?.sqlite", "50%25.sqlite", "#1.sqlite", "ü.sqlite"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    assert sqlite(tmp_path / name).migrate() == FILES
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.threat("races without loss or double", 1)
def test_of_two_processes_that_migrate_at_once_one_does_it(databases: DatabaseMaker) -> None:
    database = databases.make(schema=False)
    go = "sys.stdin.readline()\nprint(database.migrate())"
    processes = [run_python(go, database=database) for _ in range(3)]
    outputs = [process.communicate("go\n", timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert sorted(int(output) for output, _ in outputs) == [0, 0, FILES]
    assert database.migrate() == 0


def test_whoever_waited_for_another_migration_finds_it_done(
    databases: DatabaseMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process comes exactly between looking and locking."""
    database = databases.make(schema=False)
    write = Session.write

    def migrate_first(session: Session) -> AbstractContextManager[None]:
        monkeypatch.undo()
        assert database.migrate() == FILES
        return write(session)

    monkeypatch.setattr(Session, "write", migrate_first)
    assert database.migrate() == 0


def test_requests_from_before_pauses_stay_as_they_were(
    databases: DatabaseMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is made anew under the views of the release before; every row, rule and reference is still there."""
    from tasks import database as module

    database = databases.make(schema=False)
    read = module._read_schema
    files = [part for part in read() if part.name != VIEWS and part.name < "0009"]
    # As they were then: without the pauses.
    [views] = [part for part in read() if part.name == VIEWS]
    old = re.sub(
        r"UNION ALL\nSELECT\n    cohort_id,\n    'pause'.*?(?=UNION ALL)", "", views.text, flags=re.S
    )
    old = re.sub(r"\n +AND NOT EXISTS \(\n +SELECT 1\n +FROM pauses.*?\n            \)", "", old, flags=re.S)
    assert "pauses\n" not in old
    monkeypatch.setattr(module, "_read_schema", lambda: [*files, SchemaPart(VIEWS, old)])
    assert database.migrate() == 8
    row = "'2027', 'k{0}', 'x', NULL, NULL, 'withdrawn', 1, 'Words', '', {1}, NULL, 'declined', 'received'"
    with database.open_session() as session, session.write():
        session.connection.execute("INSERT INTO cohorts VALUES ('2027', 'x', 'k', NULL)")
        for number, by in ((1, "'Ann'"), (2, "'Bo'")):
            session.connection.execute(f"INSERT INTO requests VALUES ('r{number}', {row.format(number, by)})")
        before = [
            dict(item) for item in session.connection.execute("SELECT * FROM requests ORDER BY request_id")
        ]
    monkeypatch.undo()
    assert database.migrate() == FILES - 8
    assert "requests_before" not in list_tables(database)
    with database.open_session() as session:
        after = [
            dict(item) for item in session.connection.execute("SELECT * FROM requests ORDER BY request_id")
        ]
        standing = [dict(item) for item in session.connection.execute("SELECT * FROM cohort_standing")]
    assert after == [item | {"paused_until": None} for item in before]
    assert standing == [{"cohort_id": "2027", "entity": "request", "state": "declined", "how_many": 2}]
    with (
        pytest.raises(RefusedChangeError) as refusal,
        database.open_session() as session,
        session.write(),
    ):
        session.connection.execute("UPDATE requests SET response_key = 'k1'")
    assert refusal.value.rule in ("requests_response_key_key", "requests.response_key")


@pytest.mark.parametrize("statements", [1, 7, 20])
def test_a_migration_that_is_killed_leaves_nothing_half_done(
    databases: DatabaseMaker, statements: int
) -> None:
    database = databases.make(schema=False)
    code = f"""
import os, signal
from tasks.database_schema import SchemaPart
split, done = SchemaPart.split_statements, []
def split_and_die(part):
    for statement in split(part):
        yield statement
        done.append(statement)
        if len(done) == {statements}:
            os.kill(os.getpid(), signal.SIGKILL)
SchemaPart.split_statements = split_and_die
database.migrate()
"""
    process = run_python(code, database=database)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert list_tables(database) == set()
    assert database.migrate() == FILES
    assert all(rows == [] for rows in database.run_checks().values())


def test_a_file_that_fails_is_rolled_back(databases: DatabaseMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import database as module

    database = databases.make()
    read = module._read_schema
    broken = SchemaPart("9000_broken", "CREATE TABLE extra (a INTEGER);\nSELECT * FROM nowhere;\n")
    monkeypatch.setattr(module, "_read_schema", lambda: [*read(), broken])
    with pytest.raises(DatabaseError, match="nothing was changed"):
        database.migrate()
    assert "extra" not in list_tables(database)
    monkeypatch.undo()
    assert database.migrate() == 0


def test_a_view_that_changed_is_made_anew_without_counting_as_a_file(
    databases: DatabaseMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import database as module

    database = databases.make()
    files = [part for part in module._read_schema() if part.name != VIEWS]
    text = "DROP VIEW IF EXISTS cohort_standing;\nCREATE VIEW cohort_standing AS SELECT 7 AS seven;\n"
    monkeypatch.setattr(module, "_read_schema", lambda: [*files, SchemaPart(VIEWS, text)])
    assert database.migrate() == 0
    with database.open_session() as session:
        row = session.connection.execute("SELECT * FROM cohort_standing").fetchone()
    assert dict(row) == {"seven": 7}


# What people read


def test_a_newer_schema_is_left_alone(databases: DatabaseMaker) -> None:
    database = databases.make()
    with database.open_session() as session, session.write():
        session.connection.execute("INSERT INTO schema_parts VALUES ('0099_next_year', 'x')")
    with pytest.raises(DatabaseError) as trouble:
        database.migrate()
    assert str(trouble.value) == (
        "The database was made by a newer release of this software; install that release, or restore a backup."
    )


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(
        DatabaseError, match="The database belongs to another program or to an unfinished release"
    ):
        sqlite(path).migrate()
    assert path.read_bytes() == before


def test_tables_of_another_program_are_left_alone(databases: DatabaseMaker) -> None:
    database = databases.make(schema=False)
    if database.is_sqlite:
        database.path.touch()
    with database.open_session() as session, session.write():
        session.connection.execute("CREATE TABLE people (shoe_size INTEGER)")
    with pytest.raises(DatabaseError, match="The database belongs to another program"):
        database.migrate()
    assert list_tables(database) == {"people"}


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.sqlite"
    path.write_text("Dear committee,\n" * 200)
    with pytest.raises(DatabaseError) as trouble:
        sqlite(path).migrate()
    assert str(trouble.value) == (
        "The database letter.sqlite is damaged or not a database at all; restore a backup, or correct "
        "MENTORING_DATABASE_URL."
    )
    assert path.read_text().startswith("Dear committee")


def test_a_missing_folder_has_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError) as trouble:
        sqlite(tmp_path / "nowhere" / "m.sqlite").migrate()
    assert str(trouble.value) == (
        "The database m.sqlite can't be opened (no such file or directory); check that its folder exists and that "
        "this user may write into it."
    )


def test_a_missing_file_is_not_made_by_a_transaction(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseError, match="can't be opened; check that its folder exists"),
        sqlite(tmp_path / "m.sqlite").transaction("test", NOW),
    ):
        pytest.fail("there is nothing to open")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_has_a_sentence(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with (
        without_privileges(open_folder),
        pytest.raises(DatabaseError, match=r"can't be opened \(permission denied\)"),
    ):
        sqlite(open_folder / "m.sqlite").migrate()
    assert list(open_folder.iterdir()) == []


def test_a_read_only_file_can_be_migrated_no_further_and_written_not_at_all(open_folder: Path) -> None:
    database = sqlite(open_folder / "m.sqlite")
    database.migrate()
    database.path.chmod(0o444)
    before = database.path.read_bytes()
    with without_privileges(open_folder):
        assert database.migrate() == 0
        with pytest.raises(DatabaseError) as trouble, database.transaction("test", NOW) as transaction:
            transaction.note("cohort", "2027", "test")
    assert str(trouble.value) == (
        "The database m.sqlite can be read but not written; ask its owner for the right to write, then run again."
    )
    assert database.path.read_bytes() == before


def test_an_unwritable_folder_loses_nothing(open_folder: Path) -> None:
    """The file can be written, but not the journal beside it, which a crash would need."""
    database = sqlite(open_folder / "m.sqlite")
    database.migrate()
    before = database.path.read_bytes()
    open_folder.chmod(0o555)
    with (
        without_privileges(open_folder),
        pytest.raises(DatabaseError, match=r"can't be opened|can be read but not written"),
        database.transaction("test", NOW) as transaction,
    ):
        transaction.note("cohort", "2027", "test")
    assert database.path.read_bytes() == before


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    database = sqlite(tmp_path / "m.sqlite")
    database.migrate()
    code = """
import resource, signal
from datetime import datetime, UTC
from tasks.database import DatabaseError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = database.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    with database.transaction("test", datetime.now(UTC)) as transaction:
        for number in range(2000):
            transaction.note("cohort", "2027", "test", "x" * 500)
except DatabaseError as error:
    print(error)
"""
    output, errors = run_python(code, database=database).communicate(timeout=60)
    assert output.strip() == (
        "There is no room left for the database m.sqlite, and nothing was changed; make room on the disk, then run "
        "again."
    ), errors
    with database.open_session() as session:
        assert session.connection.execute("SELECT * FROM audit_log").fetchall() == []
        assert session.connection.execute("PRAGMA integrity_check").fetchall() == [{"integrity_check": "ok"}]


def test_a_database_that_stays_busy_has_a_sentence(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.database._PATIENCE_SECONDS", 1)
    with (
        database.transaction("test", NOW),
        pytest.raises(
            DatabaseError, match="has been kept busy by another run for too long; wait until that one"
        ),
        database.transaction("test", NOW),
    ):
        pytest.fail("two writers at once")


def test_a_server_that_is_away_has_a_sentence_without_the_password(tmp_path: Path) -> None:
    database = Database(SecretStr(f"postgresql://ann:s3cret@/program?host={tmp_path}"))
    with pytest.raises(DatabaseError) as trouble:
        database.migrate()
    assert str(trouble.value) == (
        "PostgreSQL does not answer or refuses the login; check MENTORING_DATABASE_URL and that the server runs."
    )
    assert "s3cret" not in "".join(traceback.format_exception(trouble.value)) + repr(database)


def test_a_refusal_shows_no_personal_data(run: Run) -> None:
    cohort = SmallCohort(run)
    name, address = "Zora Quill", "zora.quill@example.org"
    cohort.add_person(name, address)
    with pytest.raises(RefusedChangeError) as trouble:
        cohort.apply(AddPerson("person-2", address, address, name))
    assert trouble.value.rule in ("people_email_key_key", "people.email_key")
    shown = "".join(traceback.format_exception(trouble.value))
    assert "would make something a second time" in shown
    assert "another run may have been quicker, so run again" in shown
    assert not re.search("(?i)quill|zora", shown)


# Transactions


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(KeyError), database.transaction("test", NOW) as transaction:
        transaction.note("cohort", "2027", "test")
        raise KeyError
    with database.open_session() as session, session.transaction("test", NOW) as transaction:
        assert transaction.connection.execute("SELECT * FROM audit_log").fetchall() == []
        transaction.note("cohort", "2027", "test", "detail")
    with database.open_session() as session:
        [row] = session.connection.execute("SELECT * FROM audit_log").fetchall()
    assert dict(row) | {"audit_id": ""} == {
        "audit_id": "",
        "noted_at": "2027-03-01T15:00:00Z",
        "actor": "test",
        "entity": "cohort",
        "entity_id": "2027",
        "happening": "test",
        "detail": "detail",
    }


def test_writers_take_turns(databases: DatabaseMaker) -> None:
    """Read, think, write in four processes: no count is lost."""
    database = databases.make()
    with database.transaction("test", NOW) as transaction:
        transaction.execute("add_cohort", cohort_id="2027", at=transaction.at, token_key="x")
        transaction.execute(
            "put_setting", cohort_id="2027", setting="n", setting_value="0", at=transaction.at
        )
    code = """
from datetime import datetime, UTC
for _ in range(20):
    with database.transaction("test", datetime.now(UTC)) as transaction:
        [row] = transaction.fetch_all("list_settings", cohort_id="2027")
        values = {"setting": "n", "setting_value": str(int(row["setting_value"]) + 1)}
        transaction.execute("put_setting", cohort_id="2027", at=transaction.at, **values)
"""
    processes = [run_python(code, database=database) for _ in range(4)]
    assert [process.communicate(timeout=120)[1] for process in processes] == [""] * 4
    with database.transaction("test", NOW) as transaction:
        assert transaction.fetch_all("list_settings", cohort_id="2027")[0]["setting_value"] == "80"


def test_times_are_utc_text_that_sorts(database: Database) -> None:
    moment = datetime(2027, 3, 1, 8, 5, tzinfo=timezone(timedelta(hours=-5)))
    assert format_time(moment) == "2027-03-01T13:05:00Z"
    assert parse_time("2027-03-01T13:05:00Z") == moment
    assert parse_time("2027-03-01T13:05:00Z").tzinfo == UTC


# Views and checks


@pytest.fixture(scope="module")
def shared_cohort(shared_run: Run) -> SmallCohort:
    """One match of each state, the active one after a pause; everything as the program leaves it."""
    cohort = SmallCohort(shared_run)
    active = cohort.introduce()
    pause = cohort.pause(active)
    cohort.at(NOW + 3 * DAY).resume(active, pause)
    cohort.propose()
    cohort.approve()
    ended = cohort.introduce()
    letters = (cohort.draft("partner_withdrew", ended, 0), cohort.draft("match_ended", ended, 1))
    cohort.apply(EndMatch(ended, "withdrawn"), messages=letters)
    return cohort


@pytest.fixture
def cohort(shared_cohort: SmallCohort, databases: DatabaseMaker) -> SmallCohort:
    """The same in a database of its own."""
    run = shared_cohort.run
    copied = replace(run.settings, database_url=databases.copy(run.database).url)
    return SmallCohort(replace(run, settings=copied))


def test_all_is_well_with_what_the_program_writes(cohort: SmallCohort) -> None:
    checks = cohort.run.database.run_checks()
    assert len(checks) == len(BREAKS)
    assert {name: rows for name, rows in checks.items() if rows} == {}


def remove_rules(cohort: SmallCohort) -> None:
    """Take every constraint off, so that a check can be seen to find what the constraint would have refused."""
    database = cohort.run.database
    with database.open_session() as session:
        if database.is_sqlite:
            session.connection.execute("PRAGMA legacy_alter_table = ON")
        with session.write():
            for statement in list(_list_removals(session.connection, database.is_sqlite)):
                session.connection.execute(statement)


def _list_removals(connection: object, is_sqlite: bool) -> Iterator[str]:
    if is_sqlite:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )  # type: ignore[attr-defined]
        for name in [row["name"] for row in found]:
            yield f"ALTER TABLE {name} RENAME TO ruled_{name}"
            yield f"CREATE TABLE {name} AS SELECT * FROM ruled_{name}"
        return
    wanted = (
        "SELECT conrelid::regclass::text AS name, conname FROM pg_constraint WHERE contype IN ('c', 'f', 'u')"
    )
    for row in connection.execute(wanted + " AND connamespace = 'public'::regnamespace"):  # type: ignore[attr-defined]
        yield f"ALTER TABLE {row['name']} DROP CONSTRAINT {row['conname']}"
    for index in ("one_application_in_force", "one_live_match_per_mentee", "one_live_match_per_seat"):
        yield f"DROP INDEX {index}"


_PAUSED = (
    "INSERT INTO pauses (pause_id, cohort_id, match_id, request_id, began_at, paused_until, ended_at, state, "
    "previous_state) VALUES ('new', '2027', '{match}', 'request-1', '2027-01-01T00:00:00Z', '2027-05-01', {ended}, "
    "'{state}', 'start')"
)
ERASE = "UPDATE people SET erased_at = '2027-03-01T00:00:00Z' WHERE person_id = 'person-1'"
#: The check → what it has to find. mentor-1 and mentee-1 are persons 1 and 2 and the active match-1.
BREAKS = {
    "accepted_application_without_person": "UPDATE applications SET person_id = NULL WHERE application_id = 'mentee-1'",
    "two_applications_in_force": "UPDATE applications SET person_id = 'person-2' WHERE applicant_role = 'mentee'",
    "seat_of_a_mentee": "INSERT INTO mentor_seats VALUES ('mentee-1', 1)",
    "match_of_wrong_roles_or_cohorts": "UPDATE matches SET mentor_application_id = 'mentee-2' WHERE match_id = 'match-1'",
    "match_with_oneself": "UPDATE applications SET person_id = 'person-1' WHERE application_id = 'mentee-1'",
    "mentor_over_capacity": "UPDATE matches SET mentor_application_id = 'mentor-1'",
    "mentee_with_two_live_matches": "UPDATE matches SET mentee_application_id = 'mentee-1'",
    "introduction_without_approval": "UPDATE matches SET approved_at = NULL WHERE match_id = 'match-1'",
    "active_match_without_both_introductions": "DELETE FROM messages WHERE kind = 'introduction_mentee'",
    "introduction_of_nobody_introduced": "UPDATE matches SET state = 'approved' WHERE match_id = 'match-1'",
    "match_ended_without_telling": "DELETE FROM messages WHERE kind = 'match_ended'",
    "two_messages_of_one_key": "INSERT INTO messages SELECT * FROM messages WHERE kind = 'match_ended'",
    "message_sent_without_provider_id": "UPDATE messages SET state = 'sent', claimed_at = 'x', attempts = 1",
    "message_sent_without_claim": "UPDATE messages SET state = 'unknown', attempts = 1",
    "message_held_back_without_reason": "UPDATE messages SET state = 'suppressed'",
    "witnessed_message_on_its_way": "UPDATE messages SET state = 'sending'",
    "message_about_nothing": "UPDATE messages SET subject_id = 'nothing' WHERE kind = 'match_ended'",
    "reissue_without_original": "UPDATE messages SET reissue = 1 WHERE kind = 'match_ended'",
    "erased_person_with_text_left": ERASE,
    "erased_person_in_an_active_match": ERASE,
    "message_pending_to_an_erased_person": ERASE,
    "pause_of_a_match_that_is_not_active": _PAUSED.format(match="match-2", ended="NULL", state="running"),
    "two_pauses_at_once": _PAUSED.format(match="match-1", ended="NULL", state="running"),
    "pause_without_telling": "DELETE FROM messages WHERE kind = 'match_paused'",
    "going_on_without_telling": "DELETE FROM messages WHERE kind = 'match_resumed'",
    "message_queued_during_a_pause": "UPDATE messages SET kind = 'monthly_topic', queued_at = '2027-03-02T00:00:00Z'",
    "anonymised_cohort_with_answers": 'UPDATE applications SET person_id = NULL, answers = \'{"phone": "1"}\'',
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_check_finds_what_must_not_be(cohort: SmallCohort, name: str) -> None:
    remove_rules(cohort)
    # Copies keep the primary key away only on SQLite; a double needs a free hand on both.
    if name == "two_messages_of_one_key" and not cohort.run.database.is_sqlite:
        cohort.execute("ALTER TABLE messages DROP CONSTRAINT messages_pkey CASCADE")
    if name == "anonymised_cohort_with_answers":
        cohort.execute("UPDATE cohorts SET anonymised_at = '2027-03-01T00:00:00Z'")
    cohort.execute("INSERT INTO witnessed_messages SELECT message_id, 'unknown', '', 'x' FROM messages")
    cohort.execute(BREAKS[name])
    rows = cohort.run.database.run_checks()[name]
    assert rows
    assert "@" not in str(rows)


def test_a_farewell_to_somebody_without_a_match_is_about_the_request(cohort: SmallCohort) -> None:
    remove_rules(cohort)
    cohort.execute(
        "INSERT INTO requests (cohort_id, match_id, application_id, response_key, words, request_id, received_at, kind, "
        "state, previous_state, problem, wants_rematch) "
        "VALUES ('2027', NULL, 'mentor-1', 'k', '', 'request-1', 'x', 'withdrawn', 'done', 'confirmed', '', 0)"
    )
    cohort.execute("UPDATE messages SET subject_id = 'request-1' WHERE kind = 'match_ended'")
    assert cohort.run.database.run_checks()["message_about_nothing"] == []


@pytest.mark.parametrize(
    "place", ["applications", "matches", "check_ins", "requests", "messages", "attachments"]
)
def test_text_of_an_erased_person_is_found_wherever_it_is(cohort: SmallCohort, place: str) -> None:
    remove_rules(cohort)
    who = {"cohort_id": "2027", "match_id": "match-1", "application_id": "mentor-1"}
    if place in ("check_ins", "requests"):
        texts = who | {"response_key": "k", "words": "Hello"}
        texts |= (
            {"answered_at": "x", "signal": "x"}
            if place == "check_ins"
            else {"request_id": "r", "received_at": "x"}
        )
        texts |= (
            {} if place == "check_ins" else {"kind": "x", "state": "x", "previous_state": "x", "problem": ""}
        )
        extra = "" if place == "check_ins" else ", wants_rematch"
        values = ", ".join(f"'{text}'" for text in texts.values())
        cohort.execute(
            f"INSERT INTO {place} ({', '.join(texts)}{extra}) VALUES ({values}{', 0' if extra else ''})"
        )
    empty = {
        "applications": "UPDATE applications SET answers = '{}'",
        "matches": 'UPDATE matches SET explanation = \'{"criteria": {"goals": 90}}\'',
        "messages": "UPDATE messages SET subject_line = '', body_text = '', body_html = ''",
    }
    cohort.execute('UPDATE matches SET explanation = \'{"criteria": {"goals": 90}, "why": "x"}\'')
    if place == "attachments":
        cohort.execute(
            "INSERT INTO message_attachments SELECT message_id, 0, 'a.pdf', 'application/pdf', 'QQ==' FROM messages"
        )
    for table, statement in empty.items():
        if table != place:
            cohort.execute(statement)
    cohort.execute(ERASE)
    word = {"check_ins": "check-in", "matches": "match"}.get(place, place.removesuffix("s"))
    rows = cohort.run.database.run_checks()["erased_person_with_text_left"]
    assert rows == [{"person_id": "person-1", "place": word}]


def test_views_say_where_a_cohort_stands(cohort: SmallCohort) -> None:
    cohort.execute(
        "UPDATE messages SET previous_state = 'pending', state = 'expired', settled_at = '2027-03-02T00:00:00Z' "
        "WHERE kind IN ('match_ended', 'partner_withdrew')"
    )
    cohort.execute("UPDATE messages SET resolution = 'left' WHERE kind = 'match_ended'")
    standing = {(row["entity"], row["state"]): row["how_many"] for row in cohort.rows("cohort_standing")}
    assert standing == {
        ("mentor application", "accepted"): 4,
        ("mentee application", "accepted"): 4,
        ("match", "proposed"): 1,
        ("match", "approved"): 1,
        ("match", "active"): 1,
        ("match", "ended"): 1,
        ("message", "pending"): 8,
        ("pause", "elapsed"): 1,
        ("request", "done"): 1,
        ("message", "expired"): 2,
    }
    [waiting] = cohort.rows("waiting_messages")
    assert (waiting["kind"], waiting["subject_id"], waiting["state"]) == (
        "partner_withdrew",
        "match-4",
        "expired",
    )
