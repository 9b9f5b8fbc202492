"""A Prefect server of one's own for as long as a command lasts: the demo's, gone without trace afterwards.

Belongs here: starting, waiting for and stopping it. Does not belong here: the operator's own server
(`deployments.serving`).
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError

from tasks.settings import PRIVATE_DATABASE, SettingsError, use_private_prefect

#: Prefect's tables without a row, beside the installed libraries: making them takes half of a server's start.
_EMPTY_DATABASE = Path(sys.prefix) / "share" / "mentoring" / f"prefect-{version('prefect')}.db"
_PATIENCE_SECONDS = 240
_FAREWELL_SECONDS = 20


class PrivateServer:
    """A server on a free loopback port; it boots in the background until somebody waits for it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/api"
        use_private_prefect(home, self.address)
        self._has_tables = _EMPTY_DATABASE.exists()
        if self._has_tables:
            shutil.copyfile(_EMPTY_DATABASE, home / PRIVATE_DATABASE)
        command = [
            "-m",
            "uvicorn",
            "--factory",
            "prefect.server.api.server:create_app",
            "--log-level",
            "warning",
        ]
        with (home / "server.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed words
                [sys.executable, *command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Return when the server answers. Raises `SettingsError` if it does not come up."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=2):  # noqa: S310 - loopback
                    break
            except (URLError, TimeoutError, ConnectionError):
                time.sleep(0.1)
        else:
            last = (self.home / "server.log").read_text(errors="replace").strip().splitlines()[-1:]
            raise SettingsError(
                f"Prefect's server did not start; its last words were: {' '.join(last) or 'none'}"
            )
        if not self._has_tables:
            _keep_empty_database(self.home / PRIVATE_DATABASE)

    @contextmanager
    def use_quickly(self) -> Iterator[None]:
        """Report runs to this server without what nobody needs of runs that leave no trace.

        Nobody supervises them, and the thread of the heartbeat costs a second of each; their log goes with the server.
        Every run loads anew the authorities that it trusts: all of them cost as much as a task, and http on loopback
        asks for none, so there is only one.
        """
        from prefect.settings import (
            PREFECT_API_SSL_CERT_FILE,
            PREFECT_API_URL,
            PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            PREFECT_LOGGING_TO_API_ENABLED,
            temporary_settings,
        )

        settings = {
            PREFECT_API_URL: self.address,
            PREFECT_API_SSL_CERT_FILE: str(_write_first_authority(self.home)),
            PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        _drain_events(0)
        with temporary_settings(settings):
            try:
                yield
            finally:
                _drain_events(_FAREWELL_SECONDS)

    def stop(self) -> None:
        """End the server, and make sure that it has ended."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _drain_events(seconds: float) -> None:
    """Hand over what Prefect still has to tell, for so many seconds, and let the next run find its server anew.

    Prefect keeps one connection for its events in a process, whatever server is in use by then: steps would be told
    to a server that is gone, and the process would wait for it when it ends.
    """
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(timeout=seconds, at_exit=False)


def _write_first_authority(home: Path) -> Path:
    import certifi

    end = "-----END CERTIFICATE-----\n"
    first, _, _ = Path(certifi.where()).read_text(encoding="utf-8").partition(end)
    path = home / "authority.pem"
    path.write_text(first.rpartition("\n\n")[2] + end, encoding="utf-8")
    return path


def _keep_empty_database(database: Path) -> None:
    """Put the tables that Prefect has just made aside for later servers; where this may not be written, they wait."""
    beside = _EMPTY_DATABASE.with_suffix(f".{os.getpid()}")
    with suppress(OSError, sqlite3.Error):
        _EMPTY_DATABASE.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(database)) as made, closing(sqlite3.connect(beside)) as copy:
            made.backup(copy)
        os.replace(beside, _EMPTY_DATABASE)


@contextmanager
def start_private_server() -> Iterator[PrivateServer]:
    """Start a server and point this process's Prefect at it; enter before Prefect is imported."""
    with TemporaryDirectory(prefix="mentoring-prefect-") as home:
        server = PrivateServer(Path(home))
        try:
            yield server
        finally:
            server.stop()


if __name__ == "__main__":
    # At installation, so that the first command does not wait for it either.
    with start_private_server() as first:
        first.wait()
