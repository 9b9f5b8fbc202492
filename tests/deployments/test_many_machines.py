"""Many machines for real: a server and the program on PostgreSQL, two workers, and everything that can be killed killed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from debian_postgres import run_debian_postgres
from many_machines import ManyMachines
from served_program import NO_SCHEDULES, wait_until

from deployments.program_folders import make_program_folder, read_sample_responses
from flows import FLOW_NAMES

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

NIGHT = "2027-02-20T08:00:00+00:00"
MORNING = "2027-02-20T19:00:00+00:00"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyMachines]:
    with run_debian_postgres() as postgres:
        of_program = {"MENTORING_DATABASE_URL": f"postgresql://{postgres.create('mentoring')}"}
        of_server = {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{postgres.create('prefect')}"
        }
        many = ManyMachines(tmp_path_factory.mktemp("many"), of_program, of_server | NO_SCHEDULES)
        make_program_folder(many.folder, read_sample_responses())
        settings = many.folder / "program.yaml"
        settings.write_text(settings.read_text().replace('"America/New_York"\n', '"Europe/Berlin"\n', 1))
        try:
            many.deploy()
            yield many
        finally:
            many.end()


def count(machines: ManyMachines, query: str) -> int:
    with psycopg.connect(machines.variables["MENTORING_DATABASE_URL"]) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[call-overload]
    return int(row[0])


def count_proposals(machines: ManyMachines) -> int:
    return count(machines, "SELECT count(*) FROM matches WHERE state = 'proposed'")


def count_sent(machines: ManyMachines) -> int:
    return count(machines, "SELECT count(*) FROM messages WHERE state = 'sent'")


def count_mails(machines: ManyMachines) -> int:
    """Mails to people; the operator is told of failures besides."""
    return sum("-operator_notice-" not in path.name for path in (machines.folder / "mail").glob("*.eml"))


def test_every_flow_is_deployed_on_the_clock_of_the_program(machines: ManyMachines) -> None:
    deployments = machines.list_deployments()
    assert set(deployments) == {*FLOW_NAMES, "sweep-runs"}
    zones = {item["schedules"][0]["schedule"]["timezone"] for item in deployments.values()}
    assert zones == {"Europe/Berlin"}
    form = deployments["deliver-messages"]["parameter_openapi_schema"]["properties"]
    assert form["cohort"]["enum"] == ["2027"]
    # “mentoring status” says on every machine what was paused on the server.
    machines.pause_schedules()
    said = machines.call("status")
    assert [name for name in FLOW_NAMES if f"Paused in Prefect: {name}." in said] == list(FLOW_NAMES)


def test_seven_late_runs_at_once_do_the_work_once(machines: ManyMachines) -> None:
    """Mail was queued at night, then the workers were down; two of them find seven runs of one flow, all late."""
    machines.start_worker("south")
    queued = machines.start_run("ingest-applications", as_of=NIGHT)
    assert machines.wait_for_end(queued)["type"] == "COMPLETED"
    sent_at_night = count_sent(machines)
    machines.kill("south")
    runs = [machines.start_run("deliver-messages", as_of=MORNING) for _ in range(7)]
    for name in ("north", "south"):
        machines.start_worker(name)
    assert {machines.wait_for_end(run)["type"] for run in runs} == {"COMPLETED"}
    sent = count_sent(machines)
    assert sent > sent_at_night + 20
    assert count_mails(machines) == sent
    assert count(machines, "SELECT count(*) FROM audit_log WHERE happening = 'delivery accepted'") == sent
    spans = sorted(
        (found["start_time"], found["end_time"])
        for found in (machines.send("GET", f"flow_runs/{run}", None) for run in runs)
    )
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans)), spans


def test_both_workers_work(machines: ManyMachines) -> None:
    def worked() -> list[str]:
        return [name for name in ("north", "south") if "submitting flow run" in machines.read_log(name)]

    def try_once_more() -> bool:
        flows = ("send-monthly-topics", "introduce-matches", "propose-matches")
        runs = [machines.start_run(flow, as_of=MORNING, dry_run=True) for flow in flows]
        assert {machines.wait_for_end(run)["type"] for run in runs} == {"COMPLETED"}
        return len(worked()) == 2

    assert len(worked()) == 2 or wait_until("work for both", try_once_more, seconds=240)


def test_without_the_limit_runs_at_once_do_no_harm(machines: ManyMachines) -> None:
    deployment = machines.list_deployments()["propose-matches"]["id"]
    machines.send("PATCH", f"deployments/{deployment}", {"concurrency_limit": None})
    runs = [machines.start_run("propose-matches", as_of="2027-02-21T09:00:00") for _ in range(4)]
    ends = [machines.wait_for_end(run) for run in runs]
    machines.send("PATCH", f"deployments/{deployment}", {"concurrency_limit": 1})
    assert "COMPLETED" in {end["type"] for end in ends}
    # Who came second says so, and changed nothing.
    assert all("run again" in end["message"] for end in ends if end["type"] != "COMPLETED")
    open_proposals = "FROM matches WHERE state = 'proposed'"
    assert count(machines, f"SELECT count(*) - count(DISTINCT mentee_application_id) {open_proposals}") == 0
    assert count_proposals(machines) > 15


def test_a_run_outlives_a_restart_of_the_server(machines: ManyMachines) -> None:
    run = machines.hold("propose-matches", "apply the decisions", as_of="2027-02-21T10:00:00")
    machines.kill("server")
    machines.start_server()
    machines.let_go()
    assert machines.wait_for_end(run)["type"] == "COMPLETED"
    assert count_proposals(machines) > 15


def test_both_machines_die_and_the_run_is_found_by_its_silence(machines: ManyMachines) -> None:
    proposed = count_proposals(machines)
    lost = machines.hold("propose-matches", "apply the decisions", as_of="2027-02-21T11:00:00")
    never_began = machines.start_run("introduce-matches", as_of=MORNING)
    for name in ("north", "south"):
        machines.kill(name)
    pending = {"type": "PENDING", "name": "Pending"}
    machines.ask(f"flow_runs/{never_began}/set_state", state=pending, force=True)
    assert machines.sweep(timedelta(0)) == 0
    assert machines.sweep(timedelta(minutes=4)) == 1
    assert machines.sweep(timedelta(minutes=11)) == 1
    for run in (lost, never_began):
        state = machines.read_state(run)
        assert state["type"] == "CRASHED"
        assert "the next scheduled run finishes it, or click Retry" in state["message"]
    machines.start_worker("east")
    state = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    for run, attempt in ((lost, 2), (never_began, 1)):
        machines.ask(f"flow_runs/{run}/set_state", state=state)
        assert machines.wait_for_end(run, attempt)["type"] == "COMPLETED"
    assert count_proposals(machines) == proposed
    assert count_sent(machines) == count_mails(machines)
