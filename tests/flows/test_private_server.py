"""A command's own Prefect server: what runs tell reaches it, whatever server was in use before."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterName
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL, temporary_settings
from served_program import wait_until

from deployments.private_server import _EMPTY_DATABASE, PrivateServer

_PATIENCE_SECONDS = 30


@task(name="say something to the server in use")
def say() -> None:
    pass


@flow
def say_once() -> None:
    say()


def count_sayings() -> int:
    with get_client(sync_client=True) as client:
        name = TaskRunFilterName(like_="say something to the server in use")
        return len(client.read_task_runs(task_run_filter=TaskRunFilter(name=name)))


def test_steps_are_told_to_the_server_in_use(prefect_server: PrivateServer) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        emit_event("mentoring.somewhere-else", {"prefect.resource.id": "mentoring.nobody"})
    with prefect_server.use_quickly():
        say_once()
    wait_until("the step", count_sayings, seconds=_PATIENCE_SECONDS)
    assert count_sayings() == 1


def test_the_tables_that_are_kept_for_later_servers_hold_nothing(prefect_server: PrivateServer) -> None:
    with closing(sqlite3.connect(_EMPTY_DATABASE)) as kept:
        tables = [name for (name,) in kept.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        filled = [
            name for name in tables if kept.execute(f'SELECT EXISTS (SELECT 1 FROM "{name}")').fetchone()[0]
        ]
    assert {"flow_run", "task_run"} <= set(tables)
    assert filled == ["alembic_version"]
