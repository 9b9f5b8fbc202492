"""`mentoring serve` for real: a server, every flow on it, a run as the UI starts it, Ctrl-C, and a restart."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from served_program import (
    COMMAND,
    ENDED,
    ServedProgram,
    answers,
    clean_environment,
    find_free_port,
    wait_until,
)

from deployments.operator_server import ServingError, check_exposure, is_prefect_there, write_address
from deployments.people_at_work import edit_committee_rows
from deployments.program_folders import make_program_folder, read_sample_responses
from flows import FLOW_NAMES
from tasks.local_workbooks import COMMITTEE


def run_serve(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run “mentoring serve” where it should end by itself."""
    command, environment = [*COMMAND, *options], {**clean_environment(), **variables}
    return subprocess.run(command, capture_output=True, text=True, timeout=90, env=environment, check=False)


def assert_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    assert "Traceback" not in said
    for word in words:
        assert word in said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    make_program_folder(folder, read_sample_responses())
    settings = folder / "program.yaml"
    text = settings.read_text()
    assert text.count('\ntime_zone: "America/New_York"\n') == 1
    settings.write_text(text.replace('\ntime_zone: "America/New_York"\n', '\ntime_zone: "Europe/Berlin"\n'))
    return folder


@pytest.fixture(scope="module")
def program(folder: Path) -> Iterator[ServedProgram]:
    served = ServedProgram(folder)
    try:
        served.start()
        yield served
    finally:
        served.end()


def test_every_flow_is_served_on_the_clock_of_the_program(program: ServedProgram) -> None:
    deployments = program.list_deployments()
    assert set(deployments) == set(FLOW_NAMES)
    for item in deployments.values():
        [schedule] = item["schedules"]
        assert schedule["schedule"]["timezone"] == "Europe/Berlin"
        assert schedule["active"]
        assert item["description"]
        assert item["global_concurrency_limit"]["limit"] == 1
        assert item["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    assert deployments["deliver-messages"]["schedules"][0]["schedule"]["cron"] == "*/15 * * * *"


def test_the_run_form_explains_its_fields(program: ServedProgram) -> None:
    for item in program.list_deployments().values():
        fields = item["parameter_openapi_schema"]["properties"]
        assert [fields[name]["title"] for name in ("cohort", "as_of", "dry_run")] == [
            "Cohort",
            "As of",
            "Dry run",
        ]
        assert all(field["description"] for field in fields.values())
        assert [fields["cohort"]["enum"], fields["as_of"]["format"], fields["dry_run"]["default"]] == [
            ["2027"],
            "date-time",
            False,
        ]
        assert item["enforce_parameter_schema"]


def test_a_run_started_as_the_ui_does_completes_and_changes_the_program(program: ServedProgram) -> None:
    run = program.start_run("ingest-applications", as_of="2027-02-20T10:00:00")
    state = program.wait_for_end(run)
    assert state["type"] == "COMPLETED", f"{state['message']}\n{program.output}"
    applications = program.count_rows("SELECT count(*) FROM applications")
    sent = program.count_rows("SELECT count(*) FROM messages WHERE state = 'sent'")
    assert applications >= 50
    assert sent > 0
    assert list((program.folder / "mail").rglob("*.eml"))
    expected = {"mentoring.applications.received": applications, "mentoring.messages.sent": sent}
    wait_until("the events of the run", lambda: program.read_events("mentoring.") == expected)
    # A step is a whole part of the work, however many applications and messages there are.
    names = ("read the desk", "read and check the forms", "apply the decisions", "deliver due messages")
    expected_steps = sorted(f"{name}, 2027" for name in (*names, "write the desk"))

    def read_steps() -> list[str]:
        steps = program.ask("task_runs/filter", flow_runs={"id": {"any_": [run]}})
        return sorted(step["name"] for step in steps)

    # Steps, like a run's log, come to the server a moment after the run's state; their names come last.
    wait_until("the steps of the run", lambda: read_steps() == expected_steps)
    wanted = {"flow_run_id": {"any_": [run]}, "level": {"ge_": logging.INFO}}

    def read_closing_words() -> list[str]:
        log = program.ask("logs/filter", logs=wanted)
        return [line["message"] for line in log if line["message"].startswith("Done: ")]

    [done] = wait_until("the run's closing words", read_closing_words)
    assert f"new applications: {applications}" in done


def test_a_dry_run_from_the_form_changes_nothing(program: ServedProgram) -> None:
    before = program.count_rows("SELECT count(*) FROM messages")
    state = program.wait_for_end(
        program.start_run("send-monthly-topics", as_of="2027-06-01T10:00:00", dry_run=True)
    )
    assert state["type"] == "COMPLETED", f"{state['message']}\n{program.output}"
    assert program.count_rows("SELECT count(*) FROM messages") == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dry_run": "perhaps"}, "'perhaps' is not of type 'boolean'"),
        ({"cohort": "2026"}, "'2026' is not one of ['2027']"),
    ],
)
def test_the_form_refuses_a_wrong_value(program: ServedProgram, wrong: dict[str, Any], words: str) -> None:
    deployment = program.list_deployments()["deliver-messages"]["id"]
    answer = program.request("POST", f"deployments/{deployment}/create_flow_run", json={"parameters": wrong})
    assert answer.status_code == 409, answer.text
    assert next(iter(wrong)) in answer.text
    assert words in answer.json()["detail"]


def read_status(folder: Path) -> dict[str, Any]:
    command = [*COMMAND[:-1], "status", "--json", "--program", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=90, env=clean_environment(), check=False
    )
    assert done.returncode in (0, 1), done.stderr
    standing: dict[str, Any] = json.loads(done.stdout)[0]
    return standing


def test_status_says_what_is_paused(program: ServedProgram) -> None:
    assert read_status(program.folder)["paused"] == []
    deployments = program.list_deployments()
    topics, delivery = deployments["send-monthly-topics"], deployments["deliver-messages"]
    schedule = f"deployments/{delivery['id']}/schedules/{delivery['schedules'][0]['id']}"
    program.ask(f"deployments/{topics['id']}/pause_deployment")
    program.send("PATCH", schedule, {"active": False})
    assert read_status(program.folder)["paused"] == ["send-monthly-topics", "deliver-messages"]
    program.ask(f"deployments/{topics['id']}/resume_deployment")
    program.send("PATCH", schedule, {"active": True})
    assert read_status(program.folder)["paused"] == []


def test_only_this_machine_reaches_the_server(program: ServedProgram) -> None:
    # The kernel's list of listening sockets: address and port in hexadecimal.
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("needs Linux's /proc/net/tcp")
    places = re.findall(rf"\d+: ([0-9A-F]+):{program.port:04X} 00000000:0000 0A", table.read_text())
    assert places == ["0100007F"]


def test_another_web_page_in_the_operators_browser_gets_nothing(program: ServedProgram) -> None:
    foreign = {"Origin": "https://elsewhere.example"}
    answer = httpx.post(
        f"{program.address}/api/deployments/filter", json={}, headers=foreign, trust_env=False
    )
    assert answer.status_code == 403  # no token
    token = program.request("GET", "csrf-token", params={"client": "page"}, headers=foreign)
    assert "access-control-allow-origin" not in token.headers


def test_the_ui_asks_the_server_that_it_came_from(program: ServedProgram) -> None:
    settings = program.api.get(f"{program.address}/ui-settings").json()
    assert settings["api_url"] == "/api"


def test_a_second_serve_of_the_same_folder_is_refused(program: ServedProgram) -> None:
    done = run_serve("--program", str(program.folder), "--port", str(find_free_port()))
    assert_one_sentence(done, str(program.folder), "already", "stop that one first")


def test_another_program_does_not_take_over_the_server(program: ServedProgram, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_program_folder(other)

    def list_schedules() -> dict[str, Any]:
        return {name: (item["id"], item["schedules"]) for name, item in program.list_deployments().items()}

    before = list_schedules()
    done = run_serve("--program", str(other), "--port", str(program.port))
    assert_one_sentence(done, str(program.folder), "another --port")
    assert list_schedules() == before


def list_scheduled(program: ServedProgram) -> set[str]:
    """Flows of which the server itself has made runs for later."""
    auto = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "limit": 200}
    names = {item["id"]: name for name, item in program.list_deployments().items()}
    return {
        names[run["deployment_id"]]
        for run in program.ask("flow_runs/filter", **auto)
        if run["auto_scheduled"]
    }


@pytest.mark.long
def test_schedules_produce_runs_by_themselves_and_what_is_paused_does_not(program: ServedProgram) -> None:
    wait_until(
        "a scheduled run of every flow", lambda: list_scheduled(program) == set(FLOW_NAMES), seconds=200
    )
    paused = {
        name: program.list_deployments()[name]["id"] for name in ("introduce-matches", "send-monthly-topics")
    }
    for deployment in paused.values():
        program.ask(f"deployments/{deployment}/pause_deployment")
    wait_until("nothing of what is paused", lambda: list_scheduled(program) == set(FLOW_NAMES) - set(paused))
    # When one of the two goes on, the scheduler makes runs again, and none of the other.
    program.ask(f"deployments/{paused['introduce-matches']}/resume_deployment")
    wait_until("what goes on", lambda: "introduce-matches" in list_scheduled(program), seconds=200)
    assert "send-monthly-topics" not in list_scheduled(program)
    program.ask(f"deployments/{paused['send-monthly-topics']}/resume_deployment")


@pytest.mark.long
def test_a_cohort_that_the_committee_starts_can_be_chosen_without_a_restart(program: ServedProgram) -> None:
    day = {("Next cohort opens",): {"Value": "2028-02-01"}}
    edit_committee_rows(program.folder / COMMITTEE, "Program", day)
    run = program.start_run("deliver-messages", as_of="2027-12-20T10:00:00")
    assert program.wait_for_end(run)["type"] == "COMPLETED"

    def list_choices() -> list[list[str]]:
        forms = [item["parameter_openapi_schema"] for item in program.list_deployments().values()]
        return [form["properties"]["cohort"]["enum"] for form in forms]

    wanted = [["2027", "2028"]] * len(FLOW_NAMES)
    wait_until("the run forms offer both", lambda: list_choices() == wanted, seconds=120)
    run = program.start_run("ingest-applications", cohort="2028", as_of="2028-02-01T10:00:00")
    assert program.wait_for_end(run)["type"] == "COMPLETED"


def test_ctrl_c_ends_everything_and_a_restart_goes_on(program: ServedProgram) -> None:
    deployments = program.list_deployments()
    schedule = deployments["deliver-messages"]["schedules"][0]["id"]
    path = f"deployments/{deployments['deliver-messages']['id']}/schedules/{schedule}"
    program.send("PATCH", path, {"active": False})
    program.ask(f"deployments/{deployments['introduce-matches']['id']}/pause_deployment")
    interrupted = program.start_run("propose-matches", as_of="2027-02-21T10:00:00")
    wait_until("a running run", lambda: program.read_state(interrupted)["type"] in {"RUNNING", *ENDED})

    assert program.press_ctrl_c() == 0
    assert program.output.strip().endswith("made up for after the next start.")
    assert not answers(program.address)

    program.start()
    again = program.list_deployments()
    assert {name: item["id"] for name, item in again.items()} == {
        name: item["id"] for name, item in deployments.items()
    }
    assert [name for name, item in again.items() if item["paused"]] == ["introduce-matches"]
    assert [name for name, item in again.items() if not item["schedules"][0]["active"]] == [
        "deliver-messages"
    ]
    state = program.read_state(interrupted)
    assert state["type"] in ENDED
    if state["type"] == "CRASHED":
        assert "the next scheduled run finishes it, or click Retry" in state["message"]
    assert (
        program.wait_for_end(program.start_run("propose-matches", as_of="2027-02-21T11:00:00"))["type"]
        == "COMPLETED"
    )
    assert program.count_rows("SELECT count(*) FROM matches WHERE state = 'proposed'") > 0

    assert program.process is not None
    program.process.terminate()  # as systemd does
    assert program.process.wait(timeout=60) == 0
    assert not answers(program.address)
    assert read_status(program.folder)["paused"] is None


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[str]:
    """A Prefect server that somebody else started, with the password `operator:made-up`; gives its port."""
    port = str(find_free_port())
    settings = {
        "PREFECT_HOME": str(tmp_path / "elsewhere"),
        "PREFECT_SERVER_API_AUTH_STRING": "operator:made-up",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", port]
    server = subprocess.Popen(
        command, env={**clean_environment(), **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until("the other server", lambda: answers(f"http://127.0.0.1:{port}"), seconds=240)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_a_server_that_already_answers_is_used_with_its_password_and_left_running(
    tmp_path: Path, other_server: str
) -> None:
    folder = tmp_path / "program"
    make_program_folder(folder)
    served = ServedProgram(folder, int(other_server), "operator:made-up")
    options = ("--program", str(folder), "--port", other_server)
    wrong = run_serve(*options, PREFECT_SERVER_API_AUTH_STRING="operator:mistaken")
    assert_one_sentence(wrong, "wants another password", "PREFECT_SERVER_API_AUTH_STRING")
    assert "mistaken" not in wrong.stdout + wrong.stderr

    (folder / ".env").write_text("PREFECT_SERVER_API_AUTH_STRING=operator:made-up\n")
    try:
        served.start()
        assert "it is left running at the end" in served.output
        assert "made-up" not in served.output
        assert (
            httpx.post(f"{served.address}/api/deployments/filter", json={}, trust_env=False).status_code
            == 401
        )
        state = served.wait_for_end(served.start_run("purge-personal-data"))
        assert state["type"] == "COMPLETED", f"{state['message']}\n{served.output}"
        assert served.press_ctrl_c() == 0
    finally:
        served.end()
    assert answers(served.address)


@pytest.mark.long
def test_a_server_that_dies_ends_the_serving_with_a_sentence(tmp_path: Path) -> None:
    make_program_folder(tmp_path / "program")
    served = ServedProgram(tmp_path / "program")
    try:
        served.start()
        assert served.process is not None
        command = ["pgrep", "-P", str(served.process.pid)]
        [server] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        os.kill(int(server), signal.SIGKILL)
        assert served.process.wait(timeout=60) == 2
        assert "The Prefect server stopped by itself" in " ".join(served.output.split())
        assert "Traceback" not in served.output
    finally:
        served.end()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_no_password(host: str) -> None:
    check_exposure(host, has_password=False)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.7", "mentoring.example.org", "127.0.0.1.example.org"]
)
def test_any_other_address_is_refused_without_a_password_and_says_why(host: str) -> None:
    with pytest.raises(ServingError) as refused:
        check_exposure(host, has_password=False)
    for word in (host, "other machines", "PREFECT_SERVER_API_AUTH_STRING", "127.0.0.1"):
        assert word in str(refused.value)
    check_exposure(host, has_password=True)


def test_the_command_refuses_to_be_seen_without_a_password(tmp_path: Path) -> None:
    make_program_folder(tmp_path / "program")
    done = run_serve("--program", str(tmp_path / "program"), "--host", "0.0.0.0")
    assert_one_sentence(done, "0.0.0.0 can be reached from other machines", "PREFECT_SERVER_API_AUTH_STRING")


def test_a_folder_without_a_program_is_refused(tmp_path: Path) -> None:
    assert_one_sentence(run_serve("--program", str(tmp_path)), "no program.yaml")
    assert not (tmp_path / ".prefect").exists()


def test_addresses_are_written_as_a_browser_takes_them() -> None:
    assert write_address("127.0.0.1", 4200) == "http://127.0.0.1:4200"
    assert write_address("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert write_address("::", 4200) == "http://[::1]:4200"
    assert write_address("localhost", 4200) == "http://localhost:4200"


class Answer(BaseHTTPRequestHandler):
    """Something at the port: what it says to each path is set by the test."""

    replies: dict[str, tuple[int, bytes]] = {}

    def do_GET(self) -> None:
        status, body = self.replies.get(self.path, (404, b"not found"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def listener() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("replies", "sentence"),
    [
        ({}, "Something that is no Prefect server answers"),
        ({"/api/health": (200, b"ok")}, "Something that is no Prefect server answers"),
        ({"/api/health": (200, b"true")}, "Something that is no Prefect server answers"),
        (
            {"/api/health": (200, b"<html>"), "/api/admin/version": (200, b"<html>")},
            "Something that is no Prefect server answers",
        ),
        ({"/api/health": (200, b"true"), "/api/admin/version": (401, b"")}, "wants another password"),
    ],
)
def test_who_answers_at_the_port_is_found_out(
    listener: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    replies: dict[str, tuple[int, bytes]],
    sentence: str,
) -> None:
    monkeypatch.setattr(Answer, "replies", replies)
    with pytest.raises(ServingError, match=sentence):
        is_prefect_there(f"http://127.0.0.1:{listener.server_port}", None)


def test_a_prefect_server_is_recognised_and_nobody_is_nobody(
    listener: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Answer, "replies", {"/api/health": (200, b"true"), "/api/admin/version": (200, b'"3.8.8"')}
    )
    assert is_prefect_there(f"http://127.0.0.1:{listener.server_port}", None)
    assert not is_prefect_there(f"http://127.0.0.1:{find_free_port()}", None)


def test_a_port_taken_by_something_mute_gives_a_sentence(tmp_path: Path) -> None:
    make_program_folder(tmp_path / "program")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        threading.Thread(target=_hang_up, args=(mute,), daemon=True).start()
        port = mute.getsockname()[1]
        done = run_serve("--program", str(tmp_path / "program"), "--port", str(port))
    assert_one_sentence(done, "Something that is no Prefect server answers", str(port), "another --port")


def _hang_up(mute: socket.socket) -> None:
    connection, _ = mute.accept()
    connection.close()


@pytest.mark.parametrize("host", ["192.0.2.7", "256.1.1.1"])
def test_an_address_of_another_machine_gives_a_sentence(tmp_path: Path, host: str) -> None:
    make_program_folder(tmp_path / "program")
    secret = {"PREFECT_SERVER_API_AUTH_STRING": "operator:not-a-real-secret"}
    done = run_serve("--program", str(tmp_path / "program"), "--host", host, **secret)
    assert_one_sentence(done, f"can't listen on {host}", "--host")
    assert "not-a-real-secret" not in done.stdout + done.stderr
