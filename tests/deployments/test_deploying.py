"""`mentoring deploy` for real: a Prefect server, the program on PostgreSQL, two workers, and both of them killed.

Prefect's own database is SQLite here: on PostgreSQL it wants the extension pg_trgm, which the tests' server lacks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from program_databases import PostgresServer
from served_program import ENDED, clean_environment, find_free_port, wait_until

from deployments.program_folders import make_program_folder, read_sample_responses
from flows import FLOW_NAMES

COMMAND = [sys.executable, "-c", "from deployments.cli import main; main()", "deploy"]


def deploy(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | variables
    return subprocess.run(
        [*COMMAND, "--program", str(folder)],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "No Prefect server is named; set PREFECT_API_URL"),
        ({"PREFECT_API_URL": f"http://127.0.0.1:{find_free_port()}/api"}, "does not answer"),
    ],
)
def test_without_a_server_deploying_is_refused_in_one_sentence(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    make_program_folder(tmp_path / "program")
    done = deploy(tmp_path / "program", PREFECT_HOME=str(tmp_path / "prefect"), **variables)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    assert words in said
    assert "Traceback" not in said


@dataclass
class ManyMachines:
    """A Prefect server and workers on its pool, with a program on PostgreSQL."""

    place: Path
    program_url: str
    port: int = field(default_factory=find_free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.place / "program"

    @property
    def environment(self) -> dict[str, str]:
        return clean_environment() | {
            "PREFECT_HOME": str(self.place / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "MENTORING_DATABASE_URL": self.program_url,
        }

    def start(self, name: str, *words: str) -> None:
        log = (self.place / f"{name}.log").open("wb")
        command = [sys.executable, "-m", "prefect", *words]
        self.processes[name] = subprocess.Popen(
            command, stdout=log, stderr=log, env=self.environment, start_new_session=True
        )

    def start_worker(self, name: str) -> None:
        self.start(name, "worker", "start", "--pool", "mentoring", "--name", name)

    def kill(self, name: str) -> None:
        """The machine is gone: the worker and whatever it started."""
        os.killpg(self.processes.pop(name).pid, signal.SIGKILL)

    def ask(self, path: str, **question: Any) -> Any:
        address = f"http://127.0.0.1:{self.port}/api/{path}"

        def try_once() -> httpx.Response | None:
            # Busy for a moment is 503, and Prefect's own clients ask again.
            answer = httpx.post(address, json=question, timeout=60, trust_env=False)
            return None if answer.status_code == 503 else answer

        answer: httpx.Response = wait_until(path, try_once)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def list_deployments(self) -> dict[str, Any]:
        return {item["name"]: item for item in self.ask("deployments/filter")}

    def start_run(self, flow: str, **parameters: Any) -> str:
        deployment = self.list_deployments()[flow]["id"]
        state = {"type": "SCHEDULED", "name": "Scheduled"}
        return str(
            self.ask(f"deployments/{deployment}/create_flow_run", parameters=parameters, state=state)["id"]
        )

    def read_run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(
            f"http://127.0.0.1:{self.port}/api/flow_runs/{run}", timeout=60, trust_env=False
        ).json()
        return found

    def wait_for_end(self, run: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            found = self.read_run(run)
            return found if found["state"]["type"] in ENDED else None

        found: dict[str, Any] = wait_until("the end of the run", ended, seconds=480)
        return found

    def count(self, query: str) -> int:
        with psycopg.connect(self.program_url) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
        return int(row[0])


@pytest.fixture
def machines(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[ManyMachines]:
    many = ManyMachines(tmp_path, postgres_server.create())
    make_program_folder(many.folder, read_sample_responses())
    settings = many.folder / "program.yaml"
    settings.write_text(settings.read_text().replace('"America/New_York"\n', '"Europe/Berlin"\n', 1))
    try:
        many.start("server", "server", "start", "--host", "127.0.0.1", "--port", str(many.port))
        address = f"http://127.0.0.1:{many.port}/api/health"
        wait_until("the server", lambda: _answers(address), seconds=240)
        yield many
    finally:
        for process in many.processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_workers_share_the_program_and_one_may_die(machines: ManyMachines) -> None:
    done = deploy(machines.folder, **machines.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    deployments = machines.list_deployments()
    assert set(deployments) == {*FLOW_NAMES, "sweep-runs"}
    assert {item["schedules"][0]["schedule"]["timezone"] for item in deployments.values()} == {
        "Europe/Berlin"
    }

    machines.start_worker("north")
    machines.start_worker("south")
    first = machines.wait_for_end(
        machines.start_run("ingest-applications", as_of="2027-02-20T19:00:00+00:00")
    )
    assert first["state"]["type"] == "COMPLETED", first["state"]
    sent = machines.count("SELECT count(*) FROM messages WHERE state = 'sent'")
    assert sent > 20

    # Seven late runs at once, on two workers: the limit lets one after the other in, and none has anything left to do.
    runs = [machines.start_run("ingest-applications", as_of="2027-02-20T19:00:00+00:00") for _ in range(7)]
    assert {machines.wait_for_end(run)["state"]["type"] for run in runs} == {"COMPLETED"}
    assert machines.count("SELECT count(*) FROM messages WHERE state = 'sent'") == sent

    # Both machines die with a run in their hands; it is found by its silence, and the next one does the work.
    lost = machines.start_run("propose-matches", as_of="2027-02-21T10:00:00")
    wait_until("a running run", lambda: machines.read_run(lost)["state"]["type"] == "RUNNING")
    machines.kill("north")
    machines.kill("south")
    assert _sweep(machines, datetime.now(UTC)) == []
    # A run that its schedule started at that moment died with it.
    assert machines.read_run(lost)["name"] in _sweep(machines, datetime.now(UTC) + timedelta(minutes=4))
    state = machines.read_run(lost)["state"]
    assert state["type"] == "CRASHED"
    assert "the next scheduled run finishes it, or click Retry" in state["message"]

    machines.start_worker("east")
    again = machines.wait_for_end(machines.start_run("propose-matches", as_of="2027-02-21T10:00:00"))
    assert again["state"]["type"] == "COMPLETED", again["state"]
    assert machines.count("SELECT count(*) FROM matches WHERE state = 'proposed'") > 20


def _sweep(machines: ManyMachines, now: datetime) -> list[str]:
    code = (
        "import sys; from datetime import datetime; from flows import FLOW_NAMES; "
        "from tasks.abandoned_runs import close_abandoned_runs; "
        "print('\\n'.join(close_abandoned_runs(FLOW_NAMES, datetime.fromisoformat(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, now.isoformat()],
        capture_output=True,
        text=True,
        env=machines.environment,
        check=True,
    )
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []
