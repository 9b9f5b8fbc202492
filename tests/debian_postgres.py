"""A PostgreSQL server of Debian's packages: Prefect's own database wants the extension pg_trgm, which the wheel lacks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from served_program import find_free_port, wait_until


@dataclass(frozen=True)
class DebianPostgres:
    """A running server on this machine; whoever reaches it may do everything."""

    port: int

    def create(self, name: str) -> str:
        """A new database: its place, without the kind of driver in front."""
        with psycopg.connect(f"postgresql://{self._place('postgres')}", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self._place(name)

    def _place(self, name: str) -> str:
        return f"postgres@127.0.0.1:{self.port}/{name}"


@contextmanager
def run_debian_postgres() -> Iterator[DebianPostgres]:
    """Start a server with data of its own, and throw both away at the end."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        words = "Debian's PostgreSQL is missing: apt-get install postgresql."
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    binaries, folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="mentoring-prefect-postgres-"))
    # The server refuses to run as root.
    user: dict[str, str] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, **user)
    start = [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust", "--no-sync"]
    subprocess.run(start, check=True, capture_output=True, cwd=folder, **user)  # type: ignore[call-overload]
    port = find_free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    command = [binaries / "postgres", "-D", folder / "data", "-p", str(port)]
    command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)  # type: ignore[call-overload]
    try:
        wait_until("PostgreSQL", lambda: answers(port))
        yield DebianPostgres(port)
    finally:
        # PostgreSQL's fast end: at SIGTERM it would wait for everybody who keeps a connection, as this process does.
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
        shutil.rmtree(folder)


def answers(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
