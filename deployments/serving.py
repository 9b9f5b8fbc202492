"""Serving on one machine: a Prefect server with its UI, and every flow of `prefect.yaml` on its schedule.

One process serves the flows and starts each run as a process of its own. Prefect keeps everything in the folder
`.prefect` of the program. Belongs here: what is served, joining, and ending in good order. Does not belong here:
schedules and descriptions (`prefect.yaml`), the server's process (`deployments.operator_server`), serving on many
machines (`README.md` beside this file).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from deployments.operator_server import (
    OperatorServer,
    ServingError,
    check_can_listen,
    check_exposure,
    is_prefect_there,
    start_server,
    write_address,
)
from deployments.pauses import Pauses, read_pauses
from deployments.run_forms import list_cohorts, offer_choices
from deployments.webhook import serve_webhook
from flows import FLOW_NAMES, load_flow
from tasks.abandoned_runs import close_abandoned_runs, list_live_runs, mark_abandoned
from tasks.runs import open_program
from tasks.settings import (
    PREFECT_FOLDER,
    Settings,
    load_settings,
    note_prefect_address,
    read_server_password,
    use_program_folder,
    use_serving_prefect,
)

DEPLOYMENTS_FILE = Path(__file__).with_name("prefect.yaml")
#: Prefect variable that says which program folder a server works for.
FOLDER_NOTE = "mentoring_program"
#: Runs at a time on one machine: each loads pandas and Prefect, some 300 MB.
RUN_LIMIT = 3
_SWEEP_SECONDS = 60

Tell = Callable[[str], None]


def serve(
    folder: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 4200,
    tell: Tell = print,
    webhook: int | None = None,
) -> None:
    """Serve every flow of the program in `folder` until Ctrl-C, SIGTERM or the end of the terminal.

    A Prefect server that already answers at `port` is used and left running; otherwise one is started, and
    stopped at the end. With `webhook`, a port, SendGrid's events are taken in there. Must come before Prefect is
    imported. Raises `SettingsError` or `ServingError`.
    """
    settings = load_settings(folder)
    secret = read_server_password(settings.folder)
    password = secret.get_secret_value() if secret else None
    check_exposure(host, has_password=password is not None)
    check_can_listen(host)
    home = settings.folder / PREFECT_FOLDER
    home.mkdir(mode=0o700, exist_ok=True)
    use_program_folder(settings.folder)
    address = f"{write_address(host, port)}/api"
    use_serving_prefect(home, address, secret)
    with (
        suppress(KeyboardInterrupt),
        _one_process(home),
        _end_like_ctrl_c(),
        serve_webhook(settings, host, webhook, tell),
        _provide_server(host, port, home, password, tell) as server,
    ):
        note_prefect_address(settings.folder, address)
        _serve_flows(settings, tell)
        if server is not None and server.has_died:
            raise ServingError(f"The Prefect server stopped by itself; {server.describe_end()}")
        if is_prefect_there(write_address(host, port), password):
            _close_interrupted_runs()
    tell("Stopped. Nothing is lost: what is due meanwhile is made up for after the next start.")


def read_deployments(path: Path = DEPLOYMENTS_FILE, all_of_them: bool = False) -> list[dict[str, Any]]:
    """The program's flows in `prefect.yaml` as they stand there, in their order; `all_of_them`: housekeeping, too."""
    deployments: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    return [item for item in deployments if all_of_them or item["name"] in FLOW_NAMES]


def make_deployments(time_zone: str, pauses: Pauses) -> list[Any]:
    """Every flow as a deployment to serve, on the schedules of `prefect.yaml` in `time_zone` (IANA name).

    What is paused stays paused: Prefect itself would start it again with every deployment anew.
    """
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.types.entrypoint import EntrypointType

    return [
        load_flow(name := item["name"]).to_deployment(
            name=name,
            description=item["description"],
            schedules=[_make_schedule(name, row, time_zone, pauses) for row in item["schedules"]],
            paused=name in pauses.deployments,
            concurrency_limit=ConcurrencyLimitConfig(**item["concurrency_limit"]),
            # By module: found wherever the project is installed and wherever this process was started.
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for item in read_deployments()
    ]


def _make_schedule(deployment: str, row: Mapping[str, str], time_zone: str, pauses: Pauses) -> Any:
    from prefect.schedules import Cron

    slug = row["slug"]
    return Cron(row["cron"], timezone=time_zone, slug=slug, active=(deployment, slug) not in pauses.schedules)


def _serve_flows(settings: Settings, tell: Tell) -> None:
    _close_interrupted_runs()
    time_zone, cohorts = settings.program.time_zone, list_cohorts(settings.folder)
    deployments = make_deployments(time_zone, read_pauses())
    tell(f"Serving {len(deployments)} flows on the clock of {time_zone}; Ctrl-C stops.")
    with suppress(KeyboardInterrupt), _look_every_minute(settings.folder, cohorts, tell):
        _run_until_stopped(deployments, cohorts)


def _close_interrupted_runs() -> None:
    """Mark every run that is still alive as crashed: nobody else would, and they would be in the way of the next ones.

    Only the process that serves a program starts its runs, so before and after serving none can be alive.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for run in list_live_runs(client, FLOW_NAMES):
            mark_abandoned(client, run)


@contextmanager
def _look_every_minute(folder: Path, cohorts: Sequence[str], tell: Tell) -> Iterator[None]:
    """Meanwhile mark, every minute, runs whose process died, and offer cohorts that were opened since."""
    ended = threading.Event()

    def look() -> None:
        offered = cohorts
        while not ended.wait(_SWEEP_SECONDS):
            try:
                for name in close_abandoned_runs(FLOW_NAMES, datetime.now(UTC)):
                    tell(f"The process of “{name}” is gone; the run is marked as crashed.")
                if (known := sorted(open_program(folder).program.cohorts)) != offered:
                    offer_choices(known)
                    offered = known
            except Exception as error:  # noqa: BLE001 – a server that is busy for a minute must not end the looking
                tell(f"Runs could not be looked through ({type(error).__name__}); next try in a minute.")

    thread = threading.Thread(target=look, name="sweeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=10)


def _run_until_stopped(deployments: Sequence[Any], cohorts: Sequence[str]) -> None:
    import asyncio

    from prefect.runner import Runner

    class OrderlyRunner(Runner):
        def handle_sigterm(self, *_: Any) -> None:
            # Prefect's own handler leaves the loop at once; Ctrl-C winds the runs up first.
            signal.raise_signal(signal.SIGINT)

    # Not paused at the end: the schedules go on by themselves after a restart.
    runner = OrderlyRunner(name="mentoring", pause_on_shutdown=False, limit=RUN_LIMIT)
    for deployment in deployments:
        runner.add_deployment(deployment)
    offer_choices(cohorts)
    asyncio.run(runner.start())


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
    """Let SIGTERM (a service is stopped) and SIGHUP (a terminal is closed) end things as Ctrl-C does."""
    # SIGINT as well: a process that was started in the background ignores it.
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), signal.default_int_handler) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextmanager
def _provide_server(
    host: str, port: int, home: Path, password: str | None, tell: Tell
) -> Iterator[OperatorServer | None]:
    """A Prefect server that answers: ours if we started it, None if it was there before."""
    address = write_address(host, port)
    if is_prefect_there(address, password):
        _claim_server(home.parent, address)
        tell(f"Using the Prefect server that already answers at {address}; it is left running at the end.")
        yield None
        return
    tell(f"Starting the Prefect server at {address} …")
    with start_server(host, port, home, password) as server:
        _note_folder(home.parent)
        tell(f"The Prefect UI is at {address}")
        yield server


def _claim_server(folder: Path, address: str) -> None:
    """Make sure that a server which was there before does not work for another program."""
    from prefect.variables import Variable

    served = Variable.get(FOLDER_NOTE, default=None)
    if served not in (None, str(folder)):
        raise ServingError(
            f"The Prefect server at {address} works for the program in {served}; choose another --port, or, if that "
            f"program has moved here, delete the variable “{FOLDER_NOTE}” in the server's UI."
        )
    _note_folder(folder)


def _note_folder(folder: Path) -> None:
    from prefect.variables import Variable

    Variable.set(FOLDER_NOTE, str(folder), overwrite=True)
