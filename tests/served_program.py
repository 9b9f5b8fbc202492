"""A program folder with “mentoring serve” on it, for tests that need the operator's server: started, asked, ended."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from flows import FLOW_NAMES

COMMAND = [sys.executable, "-c", "from deployments.cli import main; main()", "serve"]
#: For a server whose schedules make no runs: nothing happens but what a test does.
NO_SCHEDULES = {"PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false"}
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, check: Callable[[], Any], seconds: float = 120, every: float = 0.2) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := check():
            return result
        time.sleep(every)
    raise AssertionError(f"after {seconds} seconds still not: {what}")


def clean_environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MENTORING_"))
    }


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/api/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False


class OperatorApi:
    """A Prefect server's API as its UI uses it."""

    api: httpx.Client

    def connect(self, address: str, password: str = "") -> None:
        login = tuple(password.split(":")) if password else None
        self.api = httpx.Client(base_url=f"{address}/api/", timeout=60, trust_env=False, auth=login)
        token = self.request("GET", "csrf-token", params={"client": "tests"})
        if token.is_success:
            self.api.headers.update(
                {"Prefect-Csrf-Token": token.json()["token"], "Prefect-Csrf-Client": "tests"}
            )

    def ask(self, path: str, **question: Any) -> Any:
        return self.send("POST", path, question)

    def send(self, method: str, path: str, body: Any) -> Any:
        answer = self.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The server's answer, whatever it is; what it is too busy for is asked again, as Prefect's own clients do."""
        answer: httpx.Response = wait_until(
            path, lambda: self._request_once(method, path, options), seconds=240
        )
        return answer

    def _request_once(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response | None:
        try:
            reply = self.api.request(method, path, **options)
        except httpx.TransportError:
            return None
        return None if reply.status_code == 503 else reply

    def list_deployments(self) -> dict[str, Any]:
        return {item["name"]: item for item in self.ask("deployments/filter")}

    def pause_schedules(self, deployments: Collection[str] = ()) -> None:
        """Pause the schedules of these deployments, or of all, as the switch on a deployment's page does."""
        for name, item in self.list_deployments().items():
            if deployments and name not in deployments:
                continue
            for schedule in item["schedules"]:
                self.send("PATCH", f"deployments/{item['id']}/schedules/{schedule['id']}", {"active": False})

    def list_runs(self, *types: str) -> list[dict[str, Any]]:
        """Every run in a state of these types."""
        found: list[dict[str, Any]] = []
        wanted = {"state": {"type": {"any_": list(types)}}}
        while page := self.ask(
            "flow_runs/filter", flow_runs=wanted, limit=200, offset=len(found), sort="ID_DESC"
        ):
            found += page
        return found

    def read_events(self, prefix: str) -> dict[str, int]:
        """Events whose names begin so, with the sum of their counts."""
        wanted = {"event": {"prefix": [prefix]}, "occurred": {"since": "2020-01-01T00:00:00Z"}}
        page = self.ask("events/filter", filter=wanted, limit=50)
        told: Counter[str] = Counter()
        while True:
            for event in page["events"]:
                told[event["event"]] += event["payload"]["count"]
            if not page["next_page"]:
                return dict(told)
            page = self.send("GET", page["next_page"], None)

    def start_run(self, flow: str, **parameters: Any) -> str:
        """What the button Run does; returns the run's id."""
        deployment = self.list_deployments()[flow]["id"]
        state = {"type": "SCHEDULED", "name": "Scheduled"}
        return str(
            self.ask(f"deployments/{deployment}/create_flow_run", parameters=parameters, state=state)["id"]
        )

    def read_state(self, run: str) -> dict[str, Any]:
        state: dict[str, Any] = self.send("GET", f"flow_runs/{run}", None)["state"]
        return state

    def wait_for_end(self, run: str, attempt: int = 0) -> dict[str, Any]:
        """The state in which the run, or an attempt at it, ended."""

        def ended() -> dict[str, Any] | None:
            found = self.send("GET", f"flow_runs/{run}", None)
            is_over = found["run_count"] >= attempt and found["state"]["type"] in ENDED
            return found["state"] if is_over else None

        state: dict[str, Any] = wait_until("the end of the run", ended, seconds=240)
        return state


@dataclass
class ServedProgram(OperatorApi):
    """A program folder with “mentoring serve” on it, and its API as the UI uses it."""

    folder: Path
    port: int = field(default_factory=find_free_port)
    password: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text()

    def start(self) -> None:
        with (self.folder / "output.txt").open("wb") as output:
            command = [*COMMAND, "--program", str(self.folder), "--port", str(self.port)]
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                env=clean_environment() | self.variables,
                start_new_session=True,
            )
        wait_until("serving", self._is_serving, seconds=240)
        self.connect(self.address, self.password)
        wait_until("nine deployments with their run forms", self._has_forms)

    def _is_serving(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output
        return "Ctrl-C stops" in self.output

    def _has_forms(self) -> bool:
        # The last thing that serving puts into the server.
        fields = [
            item["parameter_openapi_schema"]["properties"]["cohort"]
            for item in self.list_deployments().values()
        ]
        return sum("enum" in field for field in fields) == len(FLOW_NAMES)

    def find_server(self) -> int:
        """The process of the Prefect server, whoever started it."""
        words = f"prefect server start .*--port {self.port}$"
        found = subprocess.run(["pgrep", "-f", words], capture_output=True, text=True, check=True)
        return int(found.stdout)

    def kill_serving(self) -> None:
        """SIGKILL for the one process that serves: the server and the runs at work go on without it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def list_processes_of_runs(self) -> list[int]:
        """Processes in which flows run at this moment, started by the process that serves."""
        assert self.process is not None
        command = ["pgrep", "-f", "-P", str(self.process.pid), "prefect.engine"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return [int(number) for number in found.stdout.split()]

    def press_ctrl_c(self) -> int:
        """As a terminal does: to the whole group of the foreground; returns the exit status."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=60)

    def end(self) -> None:
        """Leave nothing behind, whatever a test did."""
        if self.process is not None and self.process.poll() is None:
            self.press_ctrl_c()

    def count_rows(self, query: str) -> int:
        connection = sqlite3.connect(self.folder / "mentoring.sqlite")
        try:
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()
