"""The SQL files themselves: they are clean, portable, used, and fit the changes and states of the rules."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlfluff.core import FluffConfig, Linter

from mentoring import changes
from mentoring.changes import Change, ReissueMessage
from tasks.database import SQL, Database
from tasks.database_schema import SchemaPart

ROOT = SQL.parent
FILES = sorted(SQL.rglob("*.sql"))
QUERIES = {
    name.rstrip("!^"): text
    for path in sorted((SQL / "queries").glob("*.sql"))
    for name, text in re.findall(r"-- name: (\S+)\n(.*?)(?=-- name: |\Z)", path.read_text("utf-8"), re.S)
}
CHANGES = [item for item in vars(changes).values() if isinstance(item, type) and issubclass(item, Change)]
CHANGES.remove(Change)


def name_query(change: type[Change]) -> str:
    return change.query.fget(object.__new__(change))  # type: ignore[attr-defined, no-any-return]


def without_comments(sql: str) -> str:
    return re.sub(r"--.*", "", sql)


def list_parameters(sql: str) -> set[str]:
    return set(re.findall(r"(?<![:\w]):([a-z]\w*)", re.sub(r"'[^']*'", "''", without_comments(sql))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_sql_is_clean(path: Path) -> None:
    found = Linter(config=FluffConfig.from_path(str(ROOT))).lint_path(str(path))
    assert [f"line {item.line_no}: {item.desc()}" for item in found.get_violations()] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_percent_sign_breaks_psycopg(path: Path) -> None:
    assert "%" not in path.read_text("utf-8")


def test_names_are_given_once() -> None:
    names = [
        name
        for path in (SQL / "queries").glob("*.sql")
        for name in re.findall(r"-- name: (\w+)", path.read_text("utf-8"))
    ]
    assert len(names) == len(set(names)) == len(QUERIES) > 60


def test_every_query_is_used() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "tasks").glob("*.py"))
    by_name = {name for name in QUERIES if f'"{name}"' in code or f"queries.{name}(" in code}
    assert set(QUERIES) - by_name - {name_query(change) for change in CHANGES} == set()


def test_every_query_that_the_code_names_exists() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "tasks").glob("*.py"))
    named = re.findall(r"transaction\.(?:fetch_all|fetch_one|execute|change_one)\(\s*\"(\w+)\"", code)
    assert len(named) > 20
    assert set(named) <= set(QUERIES)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_has_its_query_with_exactly_its_parameters(change: type[Change]) -> None:
    asked = list_parameters(QUERIES[name_query(change)])
    assert asked - {"cohort_id", "at"} == {item.name for item in fields(change)}


@pytest.mark.parametrize("name", [name for name, sql in QUERIES.items() if re.search(r"\bstate = ", sql)])
def test_a_change_of_state_names_the_state_before(name: str) -> None:
    sql = without_comments(QUERIES[name])
    changed = re.search(r"SET(.*?)\nWHERE(.*)", sql, re.S) if sql.lstrip().startswith("UPDATE") else None
    if changed and re.search(r"^\s+state = |, state = ", changed[1], re.M):
        assert "previous_state = state" in changed[1]
        assert re.search(r"(?<!previous_)state = ('\w+'|:before)", changed[2])


@pytest.mark.parametrize("folder", ["queries", "checks"])
def test_both_databases_understand_every_query(database: Database, folder: str) -> None:
    queries = database.load_queries(folder)
    names = [name for name in queries.available_queries if not name.endswith("_cursor")]
    assert len(names) >= 15
    with database.open_session() as session:
        for name in names:
            sql = getattr(queries, name).sql
            values = dict.fromkeys(list_parameters(sql) | set(re.findall(r"%\((\w+)\)s", sql)))
            session.connection.execute(f"EXPLAIN {sql}", values).fetchall()


def test_a_file_splits_into_its_statements() -> None:
    text = "-- Not the end; not yet\nSELECT ';' AS a;\nSELECT 'it''s\n;' AS b;\n"
    assert len(list(SchemaPart("x", text).split_statements())) == 2
    for path in FILES:
        whole = path.read_text("utf-8")
        assert "".join(SchemaPart("x", whole).split_statements()).strip() == whole.strip()


def test_reissued_messages_keep_everything_but_what_is_new() -> None:
    """A new column of `messages` must not be forgotten when a message is sent again."""
    columns = re.findall(
        r"^    (\w+) (?:TEXT|INTEGER)", (SQL / "schema/0004_messages.sql").read_text("utf-8"), re.M
    )
    messages = columns[columns.index("message_id") :]
    added = re.findall(
        r"ALTER TABLE messages ADD COLUMN (\w+)", "\n".join(path.read_text("utf-8") for path in FILES)
    )
    assert added
    messages += added
    own = {"attempts", "claimed_at", "settled_at", "provider_id", "problem", "resolution", "looked_up_at"}
    assert {item.name for item in fields(ReissueMessage)} <= list_parameters(QUERIES["reissue_message"])
    for name in set(messages) - own:
        assert name in QUERIES["reissue_message"], name


@pytest.mark.parametrize("name", ["list_messages", "list_message_states"])
def test_what_became_of_every_message_is_read_without_their_texts(tmp_path: Path, name: str) -> None:
    database = Database(SecretStr(f"sqlite:///{tmp_path / 'mentoring.sqlite'}"))
    database.migrate()
    with database.open_session() as session:
        plan = session.connection.execute(f"EXPLAIN QUERY PLAN {QUERIES[name]}", {"cohort_id": "2027"})
        [step] = [row["detail"] for row in plan]
    assert "USING COVERING INDEX messages_without_text" in step
