"""Serving on one machine: a Prefect server with its UI, and every flow of `prefect.yaml` on its schedule.

One process serves the flows and starts each run as a process of its own. Prefect keeps everything in the folder
`.prefect` of the program. Belongs here: what is served, joining, and ending in good order. Does not belong here:
schedules and descriptions (`prefect.yaml`), the server's process (`deployments.operator_server`), serving on many
machines (`README.md` beside this file).
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from flows import load_flow
from tasks.settings import load_settings, read_server_password, use_program_folder, use_serving_prefect

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse

DEPLOYMENTS_FILE = Path(__file__).with_name("prefect.yaml")
PREFECT_FOLDER = ".prefect"
#: Prefect variable that says which program folder a server works for.
FOLDER_NOTE = "mentoring_program"
#: Runs at a time on one machine: each loads pandas and Prefect, some 300 MB.
RUN_LIMIT = 3
ABANDONED = (
    "The run's process ended before the work was done; the next scheduled run finishes it, or click Retry."
)

Tell = Callable[[str], None]


def serve(folder: Path | None = None, host: str = "127.0.0.1", port: int = 4200, tell: Tell = print) -> None:
    """Serve every flow of the program in `folder` until Ctrl-C, SIGTERM or the end of the terminal.

    A Prefect server that already answers at `port` is used and left running; otherwise one is started, and
    stopped at the end. Must come before Prefect is imported. Raises `SettingsError` or `ServingError`.
    """
    settings = load_settings(folder)
    secret = read_server_password(settings.folder)
    password = secret.get_secret_value() if secret else None
    check_exposure(host, has_password=password is not None)
    check_can_listen(host)
    home = settings.folder / PREFECT_FOLDER
    home.mkdir(mode=0o700, exist_ok=True)
    use_program_folder(settings.folder)
    use_serving_prefect(home, f"{write_address(host, port)}/api", secret)
    with (
        suppress(KeyboardInterrupt),
        _one_process(home),
        _end_like_ctrl_c(),
        _provide_server(host, port, home, password, tell) as server,
    ):
        _serve_flows(settings.program.time_zone, tell)
        if server is not None and server.has_died:
            raise ServingError(f"The Prefect server stopped by itself; {server.describe_end()}")
        if is_prefect_there(write_address(host, port), password):
            _close_abandoned_runs()
    tell("Stopped. Nothing is lost: what is due meanwhile is made up for after the next start.")


def read_deployments(path: Path = DEPLOYMENTS_FILE) -> list[dict[str, Any]]:
    """Every deployment of `prefect.yaml` as it stands there, in its order."""
    deployments: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    return deployments


@dataclass(frozen=True)
class Pauses:
    """What the operator paused in the UI: whole deployments, and schedules by (deployment, slug)."""

    deployments: frozenset[str] = frozenset()
    schedules: frozenset[tuple[str, str]] = frozenset()


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


def _serve_flows(time_zone: str, tell: Tell) -> None:
    _close_abandoned_runs()
    deployments = make_deployments(time_zone, _read_pauses())
    tell(f"Serving {len(deployments)} flows on the clock of {time_zone}; Ctrl-C stops.")
    with suppress(KeyboardInterrupt):
        _run_until_stopped(deployments)


def _read_pauses() -> Pauses:
    known = _find_served()
    return Pauses(
        frozenset(item.name for item in known if item.paused),
        frozenset(
            (item.name, row.slug) for item in known for row in item.schedules if row.slug and not row.active
        ),
    )


def _find_served() -> list[DeploymentResponse]:
    """Our deployments as the server knows them, none before the first start."""
    from prefect.client.orchestration import get_client

    names = {item["name"] for item in read_deployments()}
    with get_client(sync_client=True) as client:
        return [item for item in client.read_deployments() if item.name in names]


def _close_abandoned_runs() -> None:
    """Mark runs whose process is gone as crashed: nobody else would, and they would be in the way of the next ones.

    Only the process that serves a program starts its runs, so before and after serving none can be alive.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
    from prefect.states import Crashed

    ids = [item.id for item in _find_served()]
    if not ids:
        return
    with get_client(sync_client=True) as client:
        alive = FlowRunFilter.model_validate(
            {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
        )
        ours = DeploymentFilter.model_validate({"id": {"any_": ids}})
        for run in client.read_flow_runs(flow_run_filter=alive, deployment_filter=ours):
            client.set_flow_run_state(run.id, Crashed(message=ABANDONED), force=True)


def _run_until_stopped(deployments: Sequence[Any]) -> None:
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
