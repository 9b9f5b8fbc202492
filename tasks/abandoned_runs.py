"""Runs of flows that died without a word: found by their silence, and marked, so that nobody waits for them.

Prefect notices the death of a run's process while the process that started it lives. When both are gone, the run stays
Running for ever; one that never came out of Pending has no heartbeat to miss. Belongs here: our rule for both. Does not
belong here: finishing their work, which the next scheduled run does from the program's own database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

ABANDONED = (
    "The run's process ended before the work was done; the next scheduled run finishes it, or click Retry."
)
#: Six heartbeats of thirty seconds: a busy server delays some of them.
SILENCE = timedelta(minutes=3)
#: Starting a process takes seconds, on a busy machine a minute.
START_LIMIT = timedelta(minutes=10)
_HEARTBEAT = "prefect.flow-run.heartbeat"


def close_abandoned_runs(flow_names: Iterable[str], now: datetime) -> list[str]:
    """Mark the runs of these deployments that are silent or never began as crashed; returns their names.

    `now` is aware. A run needs heartbeats every 30 seconds (PREFECT_FLOWS_HEARTBEAT_FREQUENCY) to count as alive.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        gone = [run for run in list_live_runs(client, flow_names) if _is_abandoned(client, run, now)]
        for run in gone:
            mark_abandoned(client, run)
    return [run.name for run in gone]


def list_live_runs(client: SyncPrefectClient, flow_names: Iterable[str]) -> list[FlowRun]:
    """Runs of these deployments that are Pending, Running or Cancelling."""
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter

    names = DeploymentFilter.model_validate({"name": {"any_": list(flow_names)}})
    alive = FlowRunFilter.model_validate({"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}})
    return client.read_flow_runs(flow_run_filter=alive, deployment_filter=names)


def mark_abandoned(client: SyncPrefectClient, run: FlowRun) -> None:
    """Mark one run as crashed, in words for the operator."""
    from prefect.states import Crashed

    client.set_flow_run_state(run.id, Crashed(message=ABANDONED), force=True)


def _is_abandoned(client: SyncPrefectClient, run: FlowRun, now: datetime) -> bool:
    assert run.state is not None
    since = run.state.timestamp
    if run.state.is_pending():
        return now - since > START_LIMIT
    if now - since <= SILENCE:
        return False
    return not _has_heartbeat(client, run, now - SILENCE)


def _has_heartbeat(client: SyncPrefectClient, run: FlowRun, since: datetime) -> bool:
    from prefect.events.filters import EventFilter

    wanted = EventFilter.model_validate(
        {
            "occurred": {"since": since},
            "event": {"name": [_HEARTBEAT]},
            "resource": {"id": [f"prefect.flow-run.{run.id}"]},
        }
    )
    return bool(client.read_events(wanted, limit=1).events)
