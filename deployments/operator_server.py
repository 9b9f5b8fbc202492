"""The operator's Prefect server: found at its address, or started as a process of its own and stopped again.

It runs in its own session, so that Ctrl-C in the terminal reaches it only when whoever uses it is done. Belongs
here: the server as a process. Does not belong here: what runs on it (`deployments.serving`), the short-lived
server of a single command (`deployments.private_server`).
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mentoring.errors import PlainError

#: Seconds a server may take to answer; the first start makes its database.
_START_LIMIT = 180
_STOP_LIMIT = 20


class ServingError(PlainError):
    """Serving can't begin or go on; the text is one sentence with the mend."""


def check_exposure(host: str, has_password: bool) -> None:
    """Raise `ServingError` if the server could be reached from elsewhere without a password."""
    if is_loopback(host) or has_password:
        return
    raise ServingError(
        f"{host} can be reached from other machines, and whoever reaches a Prefect server without a password can "
        "start and change runs; set PREFECT_SERVER_API_AUTH_STRING to “name:password”, or serve on 127.0.0.1."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def write_address(host: str, port: int) -> str:
    """The address at which this machine reaches a server that listens on `host`, without a final slash."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def check_can_listen(host: str, port: int = 0) -> None:
    """Raise `ServingError` if no server of this machine can listen there; without `port`, on any port of `host`."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, UnicodeError):
        where = (
            f"{host}, port {port}: the port is taken or reserved"
            if port
            else f"{host}: it is not its own address"
        )
        raise ServingError(
            f"This machine can't listen on {where}; choose another --host or --port."
        ) from None


def is_prefect_there(address: str, password: str | None) -> bool:
    """Whether a Prefect server that takes `password` (“name:password”) answers; False if nobody listens there.

    Raises `ServingError` if something else listens, or if the server wants another password.
    """
    import httpx

    name, _, secret = (password or "").partition(":")
    try:
        with httpx.Client(timeout=10, trust_env=False, auth=(name, secret) if password else None) as client:
            health, version = client.get(f"{address}/api/health"), client.get(f"{address}/api/admin/version")
    except httpx.ConnectError:
        return False
    except httpx.HTTPError:
        raise _find_port_busy(address) from None
    if health.text.strip() == "true" and version.status_code == httpx.codes.UNAUTHORIZED:
        raise ServingError(
            f"The Prefect server at {address} wants another password; set PREFECT_SERVER_API_AUTH_STRING to the one "
            "that it was started with, or choose another --port."
        )
    if health.text.strip() != "true" or not version.is_success:
        raise _find_port_busy(address)
    return True


def _find_port_busy(address: str) -> ServingError:
    return ServingError(
        f"Something that is no Prefect server answers at {address}; stop it, or choose another --port."
    )


@dataclass(frozen=True)
class OperatorServer:
    """A server process that we started; its log lies in its `home`."""

    process: subprocess.Popen[bytes]
    home: Path
    stopping: threading.Event

    @property
    def has_died(self) -> bool:
        """Whether it ended although nobody stopped it."""
        return self.process.poll() is not None and not self.stopping.is_set()

    def describe_end(self) -> str:
        """Where the log lies, and its last line."""
        log = self.home / "server.log"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{log} ends with “{lines[-1].strip() if lines else ''}”."


@contextmanager
def start_server(host: str, port: int, home: Path, password: str | None) -> Iterator[OperatorServer]:
    """Start a server, wait until it answers, and stop it at the end of the block.

    If it dies meanwhile, the main thread gets a Ctrl-C. Raises `ServingError` if it can't be started.
    """
    check_can_listen(host, port)
    server = OperatorServer(_launch(host, port, home), home, threading.Event())
    try:
        _wait_for(server, write_address(host, port), password)
        threading.Thread(target=_interrupt_if_dead, args=(server,), daemon=True).start()
        yield server
    finally:
        server.stopping.set()
        _stop(server.process)


def _launch(host: str, port: int, home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)]
    log = os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, checked words
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home, start_new_session=True
        )
    finally:
        os.close(log)


def _wait_for(server: OperatorServer, address: str, password: str | None) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while not is_prefect_there(address, password):
        if server.has_died:
            raise ServingError(f"The Prefect server did not start; {server.describe_end()}")
        if time.monotonic() > deadline:
            raise ServingError(
                f"The Prefect server does not answer in {_START_LIMIT} seconds; {server.describe_end()}"
            )
        time.sleep(0.3)


def _interrupt_if_dead(server: OperatorServer) -> None:
    server.process.wait()
    if server.has_died:
        # Without a server there is nothing to serve; the runs' starter would look for it for ever.
        # To the process, not to this thread: the main thread may sleep in its event loop.
        os.kill(os.getpid(), signal.SIGINT)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # An impatient second Ctrl-C must not leave the server behind.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.terminate()
        process.wait(timeout=_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
