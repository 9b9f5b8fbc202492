"""Retry, clicked by the operator in Prefect's UI: the run completes, and nothing is done or sent a second time.

A sample year is lived through once. Before the run of each flow that matters most its program folder is put aside, and
after it what it led to. Then, on a served copy of the first, the same run fails at each of its steps in turn, the button
is clicked in a real browser, and the outcome has to be the second.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from served_program import ServedProgram, wait_until

from deployments.demo import DemoYear
from deployments.private_server import start_private_server

FAULTS = Path(__file__).with_name("faults")
#: Steps of each flow that are tasks, by the names that the operator sees.
STEPS = {
    "ingest-applications": ("read the desk", "read and check the forms", "apply the decisions", "deliver due messages", "write the desk"),
    "propose-matches": ("read the desk", "find the best matches", "apply the decisions", "write the desk"),
    "introduce-matches": ("read the desk", "apply the decisions", "deliver due messages", "write the desk"),
    "send-monthly-topics": ("read the desk", "apply the decisions", "deliver due messages", "write the desk"),
    "collect-check-ins": ("read the desk", "read and check the forms", "apply the decisions", "deliver due messages", "write the desk"),
    "process-requests": ("read the desk", "read and check the forms", "apply the decisions", "deliver due messages", "find the best matches", "write the desk"),
    "compile-evaluations": ("read the desk", "read and check the forms", "apply the decisions", "deliver due messages", "compile the evaluation", "write the desk"),
    "deliver-messages": ("read the desk", "apply the decisions", "deliver due messages", "write the desk"),
    "purge-personal-data": ("read the desk", "remove personal data", "remove rendered mail", "compile the evaluation", "write the desk"),
}  # fmt: skip
#: After a step's work is the harder half: it is done, and nobody was told. Once also before.
CASES = [
    *((flow, step, "after") for flow, steps in STEPS.items() for step in steps),
    ("introduce-matches", "deliver due messages", "before"),
]
QUICK = ("introduce-matches", "deliver due messages", "after")


#: What a second attempt may change: how often it was tried, and the log of who did what.
UNTOLD = {"audit_log": None, "messages": "attempts"}


@dataclass(frozen=True)
class Moment:
    """One run of a flow: when, and the program folder before and after it."""

    flow: str
    as_of: datetime
    before: Path
    after: Path


class WatchedYear(DemoYear):
    """The sample year; of each flow, the run with the most to do is put aside with the folder before and after it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.moments: dict[str, Moment] = {}
        self.work: dict[str, int] = {}

    def _run(self, name: str, moment: datetime) -> Any:
        before = shutil.copytree(self.folder, self.folder.with_name(f"{name}-before-{len(self.reports)}"))
        report = super()._run(name, moment)
        work = sum(len(plan.changes) + len(plan.messages) for plan in report.plans)
        # The very first run makes the cohort, with a key of its own each time.
        if len(self.reports) > 1 and work > self.work.get(name, 0):
            after = shutil.copytree(self.folder, self.folder.with_name(f"{name}-after-{len(self.reports)}"))
            self.work[name] = work
            self.moments[name] = Moment(name, moment, before, after)
        return report


def add_delivery(year: WatchedYear) -> None:
    """`deliver-messages` as it is needed: introductions are queued, and the run that queued them could not send."""
    from flows import load_flow
    from tasks import steps
    from tasks.settings import use_program_folder

    introduced = year.moments["introduce-matches"]
    before = shutil.copytree(introduced.before, year.folder.with_name("deliver-before"))
    use_program_folder(before)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "deliver_due_messages", lambda run: {})
        load_flow("introduce-matches")(as_of=introduced.as_of)
    add_moment(year, "deliver-messages", introduced.as_of, before)


def add_moment(year: WatchedYear, flow: str, as_of: datetime, before: Path) -> None:
    from flows import load_flow
    from tasks.settings import use_program_folder

    after = shutil.copytree(before, before.with_name(f"{flow}-after"))
    use_program_folder(after)
    load_flow(flow)(as_of=as_of)
    year.moments[flow] = Moment(flow, as_of, before, after)


def read_outcome(folder: Path) -> dict[str, Any]:
    """What a run led to: every row of the database but the traces of trying again, the mails, the desk's cells."""
    with sqlite3.connect(folder / "mentoring.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {
            name: sorted(
                str({key: row[key] for key in row.keys() if key != UNTOLD.get(name)})  # noqa: SIM118
                for row in connection.execute(f"SELECT * FROM {name}")
            )
            for name in names
            if UNTOLD.get(name, "") is not None
        }
    # The operator is told of the fault; that is what the fault led to, and not the run.
    mails = sorted(
        path.name for path in (folder / "mail").glob("*.eml") if "-operator_notice-" not in path.name
    )
    return tables | {"mails": mails, "desk": read_desk(folder)}


def read_desk(folder: Path) -> dict[str, list[str]]:
    from zoneinfo import ZoneInfo

    from mentoring.desk import TABS
    from tasks.local_workbooks import LocalWorkbooks

    tabs = LocalWorkbooks(folder, ZoneInfo("America/New_York")).read_committee(list(TABS))
    return {name: sorted(str(row.cells) for row in tab.rows) for name, tab in tabs.items()}


def live(folder: Path, last: date | None) -> dict[str, Moment]:
    """Live through the sample year, or its beginning, and return the moments by flow."""
    year = WatchedYear(folder, tell=lambda _: None)
    year.people.set_up_desk()
    for day in year._list_days():
        if last is None or day <= last:
            year._live_day(day)
    add_delivery(year)
    if last is None:
        late = datetime(2030, 1, 15, 12, tzinfo=year.program.zone)
        add_moment(
            year, "purge-personal-data", late, shutil.copytree(folder, folder.with_name("purge-before"))
        )
    return year.moments


@dataclass(frozen=True)
class Desk:
    """The operator at work: a served program, its fault file, a page in a browser, and the moments to try."""

    served: ServedProgram
    fault: Path
    page: Page
    moments: dict[str, Moment]

    def restore(self, before: Path) -> None:
        """Put a program folder as it was into the served one's place; what serving itself needs stays."""
        for path in self.served.folder.iterdir():
            if path.name in {".prefect", "output.txt"}:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(before, self.served.folder, dirs_exist_ok=True)

    def click_retry(self, run: str) -> None:
        """Click Retry on the run's page, and once more in the dialog."""
        self.page.goto(f"{self.served.address}/runs/flow-run/{run}")
        self.page.get_by_role("button", name="Retry").first.click()
        self.page.get_by_role("dialog").get_by_role("button", name="Retry").click()
        self.page.get_by_role("dialog").wait_for(state="hidden")
        # The page of a run keeps drawing, which costs half a core.
        self.page.goto("about:blank")

    def wait_for_end(self, run: str, attempt: int) -> dict[str, Any]:
        """The state in which the attempt ended."""

        def ended() -> dict[str, Any] | None:
            found = self.served.api.get(f"flow_runs/{run}").json()
            done = found["run_count"] >= attempt and found["state"]["type"] in {
                "COMPLETED",
                "FAILED",
                "CRASHED",
            }
            return found["state"] if done else None

        state: dict[str, Any] = wait_until(f"the end of attempt {attempt}", ended)
        return state


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    place = tmp_path_factory.mktemp("retry")
    with_long = any(
        item.get_closest_marker("long") for item in request.session.items if item.module is request.module
    )
    moments = make_moments(place / "year", None if with_long else date(2027, 3, 1))
    folder = place / "served"
    shutil.copytree(moments["introduce-matches"].before, folder)
    fault = place / "fault"
    served = ServedProgram(folder, variables={"PYTHONPATH": str(FAULTS), "FAULT_FILE": str(fault)})
    try:
        served.start()
        # Nothing may run by itself between a fault and the click.
        for item in served.list_deployments().values():
            served.ask(f"deployments/{item['id']}/pause_deployment")
        yield Desk(served, fault, browser.new_page(), moments)
    finally:
        served.end()


def make_moments(folder: Path, last: date | None) -> dict[str, Moment]:
    with start_private_server() as server:
        server.wait()
        from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        with temporary_settings({PREFECT_API_URL: server.address, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            return live(folder, last)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("flow", "step", "when"),
    [pytest.param(*case, marks=() if case == QUICK else pytest.mark.long) for case in CASES],
)
def test_retry_clicked_after_a_fault_completes_the_run_and_repeats_nothing(
    desk: Desk, flow: str, step: str, when: str
) -> None:
    moment = desk.moments[flow]
    desk.restore(moment.before)
    desk.fault.write_text(f"{step}|{when}")
    run = desk.served.start_run(flow, as_of=moment.as_of.isoformat())
    failed = desk.wait_for_end(run, 1)
    assert failed["type"] == "FAILED", failed
    assert not desk.fault.exists(), "the fault did not happen"
    desk.click_retry(run)
    done = desk.wait_for_end(run, 2)
    assert done["type"] == "COMPLETED", done
    expected, found = read_outcome(moment.after), read_outcome(desk.served.folder)
    for part, rows in expected.items():
        assert found[part] == rows, f"{part} differ from those of a run without a fault"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "flow", [pytest.param(flow, marks=() if flow == QUICK[0] else pytest.mark.long) for flow in STEPS]
)
def test_retry_clicked_on_a_completed_run_changes_and_sends_nothing(desk: Desk, flow: str) -> None:
    moment = desk.moments[flow]
    desk.restore(moment.before)
    run = desk.served.start_run(flow, as_of=moment.as_of.isoformat())
    assert desk.wait_for_end(run, 1)["type"] == "COMPLETED"
    before = read_outcome(desk.served.folder)
    assert before == read_outcome(moment.after)
    desk.click_retry(run)
    assert desk.wait_for_end(run, 2)["type"] == "COMPLETED"
    # As Prefect's newer UI does: by force.
    state = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    desk.served.ask(f"flow_runs/{run}/set_state", state=state, force=True)
    assert desk.wait_for_end(run, 3)["type"] == "COMPLETED"
    assert read_outcome(desk.served.folder) == before


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "step", ["deliver due messages", pytest.param("write the desk", marks=pytest.mark.long)]
)
def test_a_run_whose_process_is_killed_is_marked_and_retry_completes_it(desk: Desk, step: str) -> None:
    moment = desk.moments["introduce-matches"]
    desk.restore(moment.before)
    desk.fault.write_text(f"{step}|kill")
    run = desk.served.start_run(moment.flow, as_of=moment.as_of.isoformat())
    assert desk.wait_for_end(run, 1)["type"] == "CRASHED"
    desk.click_retry(run)
    assert desk.wait_for_end(run, 2)["type"] == "COMPLETED"
    assert read_outcome(desk.served.folder) == read_outcome(moment.after)
