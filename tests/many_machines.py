"""Many machines on one: a Prefect server and its workers as processes, to be started, asked, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from served_program import OperatorApi, answers, clean_environment, find_free_port, wait_until

INTERFERENCE = Path(__file__).with_name("interference")
PASSWORD = "operator:made-up"


@dataclass
class ManyMachines(OperatorApi):
    """A Prefect server, workers on its pool, and the program in `place`.

    `variables` are for whatever runs flows or asks for them, `server_variables` for the server alone.
    """

    place: Path
    variables: dict[str, str] = field(default_factory=dict)
    server_variables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=find_free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder, self.fault = self.place / "program", self.place / "fault"
        self.address = f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        habits = {
            "PREFECT_HOME": str(self.place / "prefect"),
            "PREFECT_API_URL": f"{self.address}/api",
            "PREFECT_API_AUTH_STRING": PASSWORD,
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PYTHONPATH": str(INTERFERENCE),
            "FAULT_FILE": str(self.fault),
        }
        return clean_environment() | habits | self.variables

    def start(self, name: str, *words: str, **variables: str) -> None:
        with (self.place / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "prefect", *words],
                stdout=log,
                stderr=log,
                env=self.environment | variables,
                start_new_session=True,
            )

    def start_server(self) -> None:
        settings = {
            "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # A run that finds another one going looks again after this time, 30 seconds otherwise.
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
        }
        settings |= self.server_variables
        self.start("server", "server", "start", "--host", "127.0.0.1", "--port", str(self.port), **settings)
        wait_until("the server", self._server_answers, seconds=240)

    def _server_answers(self) -> bool:
        assert self.processes["server"].poll() is None, self.read_log("server")
        return answers(self.address)

    def deploy(self) -> None:
        """Start the server, and hand it every flow."""
        self.start_server()
        self.call("deploy")
        self.connect(self.address, PASSWORD)

    def start_worker(self, name: str, *words: str) -> None:
        self.start(name, "worker", "start", "--pool", "mentoring", "--name", name, *words)

    def kill(self, name: str) -> None:
        """The machine is gone: this process and whatever it started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def call(self, *words: str) -> str:
        """Run the program's command line as on any of the machines; returns what it said."""
        command = [sys.executable, "-c", "from deployments.cli import main; main()", *words]
        done = subprocess.run(
            [*command, "--program", str(self.folder)],
            capture_output=True,
            text=True,
            env=self.environment,
            check=False,
            timeout=240,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.stdout

    def read_log(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text()

    def hold(self, flow: str, step: str, **parameters: Any) -> str:
        """Start a run, and return its id when it waits at the end of a step."""
        self.fault.write_text(f"{step}|hold")
        run = self.start_run(flow, **parameters)
        wait_until("the run at work", self.fault.with_name("fault.held").exists, seconds=240)
        return run

    def let_go(self) -> None:
        self.fault.with_name("fault.held").unlink()

    def sweep(self, later: timedelta) -> int:
        """What the deployment `sweep-runs` does at its minute, at a later one; returns how many runs it marked."""
        code = (
            "import sys; from datetime import datetime; from flows.sweep_runs import SWEPT; "
            "from tasks.abandoned_runs import close_abandoned_runs; "
            "print(len(close_abandoned_runs(SWEPT, datetime.fromisoformat(sys.argv[1]))))"
        )
        command = [sys.executable, "-c", code, (datetime.now(UTC) + later).isoformat()]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=True)
        return int(done.stdout)

    def end(self) -> None:
        """Leave nothing behind, whatever a test did."""
        for name in list(self.processes):
            self.kill(name)
