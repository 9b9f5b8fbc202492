"""Serving on one machine: a Prefect server with its UI, and every flow of `prefect.yaml` on its schedule.

One process serves the flows and starts each run as a process of its own; the server is a second process, in its own
session, so that Ctrl-C reaches it only after the runs have been wound up. Prefect keeps everything in the folder
`.prefect` of the program. Belongs here: starting, joining and stopping. Does not belong here: schedules and descriptions
(`prefect.yaml`), serving on many machines (`README.md` beside this file).
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from flows import load_flow
from tasks.settings import (
    load_settings,
    read_server_password,
    use_program_folder,
    use_serving_prefect,
)

DEPLOYMENTS_FILE = Path(__file__).with_name("prefect.yaml")
PREFECT_FOLDER = ".prefect"
#: Prefect variable that says which program folder a server works for.
FOLDER_NOTE = "mentoring_program"
#: Runs at a time on one machine: each loads pandas and Prefect, some 300 MB.
RUN_LIMIT = 3
#: Seconds a server may take to answer; the first start makes its database.
_START_LIMIT = 180
_STOP_LIMIT = 20

Tell = Callable[[str], None]


class ServingError(Exception):
    """Serving can't begin or go on; the text is one sentence with the mend."""


def serve(folder: Path | None = None, host: str = "127.0.0.1", port: int = 4200, tell: Tell = print) -> None:
    """Serve every flow of the program in `folder` until Ctrl-C, SIGTERM or the end of the terminal.

    A Prefect server that already answers at `port` is used and left running; otherwise one is started, and stopped at
    the end. Raises `SettingsError` or `ServingError`.
    """
    settings = load_settings(folder)
    password = read_server_password(settings.folder)
    check_exposure(host, has_password=password is not None)
    home = settings.folder / PREFECT_FOLDER
    home.mkdir(mode=0o700, exist_ok=True)
    use_program_folder(settings.folder)
    use_serving_prefect(home, f"{write_address(host, port)}/api", password)
    with _one_process(home), _end_like_ctrl_c():
        try:
            with _provide_server(host, port, home, tell) as server:
                _serve_flows(settings.program.time_zone, tell)
                if server is not None and server.poll() is not None:
                    raise ServingError(f"The Prefect server stopped by itself; {_quote_log(home)}")
        except KeyboardInterrupt:
            # Before the flows were served; afterwards Prefect ends in an orderly way by itself.
            pass
    tell("Stopped. Nothing is lost: what is due meanwhile is made up for after the next start.")


def check_exposure(host: str, has_password: bool) -> None:
    """Raise `ServingError` if the server could be reached from elsewhere without a password."""
    if is_loopback(host) or has_password:
        return
    raise ServingError(
        f"{host} can be reached from other machines, and whoever reaches a Prefect server without a password can start and "
        "change runs; set PREFECT_SERVER_API_AUTH_STRING to “name:password”, or serve on 127.0.0.1."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def write_address(host: str, port: int) -> str:
    """The address at which this machine reaches a server that listens on `host`: `http://…` without a final slash."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def read_deployments(path: Path = DEPLOYMENTS_FILE) -> list[dict[str, Any]]:
    """Every deployment of `prefect.yaml` as it stands there, in its order."""
    deployments: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    return deployments


def make_deployments(time_zone: str) -> list[Any]:
    """Every flow as a deployment to serve, with the schedules of `prefect.yaml` in `time_zone` (IANA name)."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.flows import EntrypointType
    from prefect.schedules import Cron

    return [
        load_flow(item["name"]).to_deployment(
            name=item["name"],
            description=item["description"],
            schedules=[
                Cron(schedule["cron"], timezone=time_zone, slug=schedule["slug"])
                for schedule in item["schedules"]
            ],
            concurrency_limit=ConcurrencyLimitConfig(**item["concurrency_limit"]),
            # By module: found wherever the project is installed and wherever this process was started.
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for item in read_deployments()
    ]


def _serve_flows(time_zone: str, tell: Tell) -> None:
    import prefect

    deployments = make_deployments(time_zone)
    tell(f"Serving {len(deployments)} flows on the schedules of {time_zone}. Stop with Ctrl-C.")
    # Not paused at the end: the schedules go on by themselves after a restart.
    prefect.serve(*deployments, pause_on_shutdown=False, print_starting_message=False, limit=RUN_LIMIT)


@contextmanager
def _one_process(home: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(home / "serving.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise ServingError(
            f"{home.parent} is being served already by another “mentoring serve”; stop that one first."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _end_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM (a service that is stopped) and SIGHUP (a terminal that is closed) end things as Ctrl-C does."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), _interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _provide_server(host: str, port: int, home: Path, tell: Tell) -> Iterator[subprocess.Popen[bytes] | None]:
    """A Prefect server that answers: the process if we started it, None if it was there before."""
    address = write_address(host, port)
    if is_prefect_there(address):
        _claim_server(home.parent, address)
        tell(f"Using the Prefect server that already answers at {address}; it is left running at the end.")
        yield None
        return
    _check_port_free(host, port)
    tell(f"Starting the Prefect server at {address} …")
    server, stopping = _start_server(host, port, home), threading.Event()
    try:
        _wait_for_server(server, address, home)
        _note_folder(home.parent)
        tell(f"The Prefect UI is at {address}")
        threading.Thread(target=_interrupt_at_end, args=(server, stopping), daemon=True).start()
        yield server
    finally:
        stopping.set()
        _stop_server(server)


def is_prefect_there(address: str) -> bool:
    """Whether a Prefect server that lets us in answers at `address`; False if nobody listens there.

    Raises `ServingError` if something else listens, or if the server wants another password.
    """
    import httpx
    from prefect.settings import PREFECT_API_AUTH_STRING

    password = PREFECT_API_AUTH_STRING.value()
    name, _, secret = password.get_secret_value().partition(":") if password else ("", "", "")
    try:
        with httpx.Client(timeout=10, trust_env=False, auth=(name, secret) if password else None) as client:
            health, version = client.get(f"{address}/api/health"), client.get(f"{address}/api/admin/version")
    except httpx.ConnectError:
        return False
    except httpx.HTTPError:
        raise _find_port_busy(address) from None
    if health.text.strip() != "true":
        raise _find_port_busy(address)
    if version.status_code == httpx.codes.UNAUTHORIZED:
        raise ServingError(
            f"The Prefect server at {address} wants another password; set PREFECT_SERVER_API_AUTH_STRING to the one that it "
            "was started with, or choose another --port."
        )
    if not version.is_success:
        raise _find_port_busy(address)
    return True


def _find_port_busy(address: str) -> ServingError:
    return ServingError(
        f"Something that is no Prefect server answers at {address}; stop it, or choose another --port."
    )


def _check_port_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, OverflowError):
        raise ServingError(
            f"This machine can't listen on {host}, port {port}: the address is not its own, or the port is taken or "
            "reserved; choose another --host or --port."
        ) from None


def _start_server(host: str, port: int, home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)]
    log = os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home, start_new_session=True
        )
    finally:
        os.close(log)


def _wait_for_server(server: subprocess.Popen[bytes], address: str, home: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while not is_prefect_there(address):
        if server.poll() is not None:
            raise ServingError(f"The Prefect server did not start; {_quote_log(home)}")
        if time.monotonic() > deadline:
            raise ServingError(
                f"The Prefect server does not answer after {_START_LIMIT} seconds; {_quote_log(home)}"
            )
        time.sleep(0.5)


def _quote_log(home: Path) -> str:
    log = home / "server.log"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{log} ends with “{lines[-1].strip() if lines else ''}”."


def _interrupt_at_end(server: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    server.wait()
    if not stopping.is_set():
        # Without a server there is nothing to serve; the runner would look for it for ever.
        signal.raise_signal(signal.SIGINT)


def _stop_server(server: subprocess.Popen[bytes]) -> None:
    # An impatient second Ctrl-C must not leave the server behind.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        server.terminate()
        server.wait(timeout=_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def _claim_server(folder: Path, address: str) -> None:
    """Make sure that a server which was there before does not work for another program."""
    from prefect.variables import Variable

    served = Variable.get(FOLDER_NOTE, default=None)
    if served not in (None, str(folder)):
        raise ServingError(
            f"The Prefect server at {address} works for the program in {served}; choose another --port, or, if that program "
            f"has moved here, delete the variable “{FOLDER_NOTE}” in the server's UI."
        )
    _note_folder(folder)


def _note_folder(folder: Path) -> None:
    from prefect.variables import Variable

    Variable.set(FOLDER_NOTE, str(folder), overwrite=True)
