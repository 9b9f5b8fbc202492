"""What Prefect costs in the flows, beside the same work done without it.

`python -m tests.benchmarks orchestration`. The sample year is lived twice in this process: its flows as they are, with a
Prefect server of their own, and the same functions called as plain Python. Processor seconds, so that a busy machine
changes little; the server's are told apart. Belongs here: what is run, measured and shown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from deployments.demo import DemoYear, _load_libraries
from deployments.private_server import start_private_server
from flows import FLOW_NAMES, load_flow

Call = Callable[..., Any]


@dataclass
class MeasuredYear(DemoYear):
    """The sample year, with the processor seconds of every run; `call` runs a flow."""

    call: Call = field(kw_only=True)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def _run(self, name: str, moment: datetime) -> Any:
        started = process_time()
        report = self.call(load_flow(name), as_of=moment)
        self.seconds.setdefault(name, []).append(process_time() - started)
        self.reports.append(report)
        return report


def main(arguments: list[str]) -> int:
    """Measure and print the table."""
    argparse.ArgumentParser(prog="python -m tests.benchmarks orchestration").parse_args(arguments)
    with start_private_server() as server:
        server.wait()
        from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from tests.proof.life import live_without_prefect

        # The heartbeat's thread waits a second at the end of every run, and does nothing meanwhile.
        with temporary_settings({PREFECT_API_URL: server.address, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            _load_libraries()
            without = live_year(lambda flow, **words: flow.fn(**words), live_without_prefect())
            before = read_seconds(server._process.pid)
            with_prefect = live_year(lambda flow, **words: flow(**words), nullcontext())
            of_server = read_seconds(server._process.pid) - before
    show(with_prefect, without, of_server)
    return 0


def live_year(call: Call, how: AbstractContextManager[Any]) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder, how:
        year = MeasuredYear(Path(folder) / "program", tell=lambda _: None, call=call)
        year.live()
    return year.seconds


def read_seconds(process: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(with_prefect: dict[str, list[float]], without: dict[str, list[float]], of_server: float) -> None:
    """The table by flow, the year in all, and what a process of its own for a run costs."""
    print(
        f"{'flow':<22}{'runs':>5}{'with Prefect':>14}{'without':>10}{'Prefect':>10}   seconds a run, median"
    )
    for name in FLOW_NAMES:
        mine, bare = median(with_prefect[name]), median(without[name])
        print(f"{name:<22}{len(with_prefect[name]):>5}{mine:>14.3f}{bare:>10.3f}{mine - bare:>10.3f}")
    all_runs = sum(map(len, with_prefect.values()))
    mine, bare = (sum(map(sum, year.values())) for year in (with_prefect, without))
    print(f"{'the year':<22}{all_runs:>5}{mine:>14.1f}{bare:>10.1f}{mine - bare:>10.1f}   seconds in all")
    print(
        f"Prefect in a run: {(mine - bare) / all_runs:.3f} s, and {of_server / all_runs:.3f} s of its server."
    )
    print(f"A process for a run begins with {measure_start():.1f} s of importing Prefect.")


def measure_start() -> float:
    """Processor seconds until a run's process has imported Prefect."""
    before = os.times()
    subprocess.run([sys.executable, "-c", "import prefect.engine, prefect.flow_engine"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
