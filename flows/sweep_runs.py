"""Housekeeping on many machines: runs whose process died are marked. “mentoring serve” does this by itself."""

from datetime import UTC, datetime

from prefect import flow, get_run_logger

from flows import FLOW_NAMES
from tasks.abandoned_runs import close_abandoned_runs

#: Deployments whose runs are looked through: this one as well, whose runs may die like any other.
SWEPT = (*FLOW_NAMES, "sweep-runs")


@flow(name="sweep-runs", persist_result=False)
def sweep_runs() -> None:
    """Mark runs of the program's flows that are silent, or that never began, as crashed."""
    gone = close_abandoned_runs(SWEPT, datetime.now(UTC))
    get_run_logger().info("Runs whose process is gone: %s", len(gone))
