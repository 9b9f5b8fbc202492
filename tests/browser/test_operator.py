"""The operator at work in a real browser: the deployments, the run form, a red run, Retry, a green one, its page.

Retry, clicked in either of Prefect's UIs, completes the run, and nothing is done or sent a second time: a run fails at
each of its steps in turn, is retried after each, and has to end where a run without faults ends.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from lived_moments import Moment, live_moments, read_outcome
from many_machines import INTERFERENCE
from playwright.sync_api import Browser, Page
from served_program import NO_SCHEDULES, ServedProgram

#: Steps of each flow that are tasks, by the names that the operator sees. Each fails after its work, which is the harder
#: half: it is done, and nobody was told.
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
#: Tried in the usual run, with three faults more: before the mail goes out, the process killed when it has gone out, and
#: the committee's workbook open in another program.
QUICK = "introduce-matches"
MORE = {"deliver due messages": ("before", "kill"), "write the desk": ("open",)}


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

    def open(self, path: str, *words: str) -> None:
        """Open a page of the UI and wait until it shows these words."""
        self.page.goto(f"{self.served.address}{path}")
        for text in words:
            self.page.get_by_text(text).first.wait_for()

    def wait_for_drawing(self) -> None:
        """The graph of a run is drawn on a canvas, which tells nobody when it is done."""
        self.page.wait_for_timeout(3000)

    def leave(self) -> None:
        """The page of a run keeps drawing, which costs half a core."""
        self.page.goto("about:blank")

    def click_retry(self, run: str, picture: Any = None) -> None:
        """Click Retry on the run's page, and once more in the dialog."""
        self.page.goto(f"{self.served.address}/runs/flow-run/{run}")
        self.page.get_by_role("button", name="Retry").first.click()
        again = self.page.get_by_role("dialog").get_by_role("button", name="Retry")
        again.wait_for()
        if picture:
            picture(self.page, "click-on-retry")
        again.click()
        self.page.get_by_role("dialog").wait_for(state="hidden")
        self.leave()

    def click_retry_in_new_ui(self, run: str) -> None:
        """The same in Prefect's newer UI, whose button is in a menu."""
        self.page.goto(f"{self.served.address}/v2/runs/flow-run/{run}")
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name="Retry").click()
        self.page.get_by_role("alertdialog").get_by_role("button", name="Retry").click()
        self.page.get_by_role("alertdialog").wait_for(state="hidden")
        self.leave()


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    place = tmp_path_factory.mktemp("operator")
    with_long = any(
        item.get_closest_marker("long") for item in request.session.items if item.module is request.module
    )
    moments = live_moments(place / "year", None if with_long else date(2027, 3, 1))
    folder = place / "served"
    shutil.copytree(moments[QUICK].before, folder)
    fault = place / "fault"
    variables = {
        "PYTHONPATH": str(INTERFERENCE),
        "FAULT_FILE": str(fault),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_SERVER_UI_V2_ENABLED": "true",
    }
    # Nothing may run by itself between a fault and the click.
    served = ServedProgram(folder, variables=variables | NO_SCHEDULES)
    try:
        served.start()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        yield Desk(served, fault, page, moments)
    finally:
        served.end()


@pytest.mark.timeout(900)
def test_the_deployments_and_a_run_started_from_the_form(desk: Desk, picture: Any) -> None:
    desk.open("/deployments", *STEPS)
    desk.page.get_by_text("Ready", exact=True).nth(len(STEPS) - 1).wait_for()
    picture(desk.page, "deployments")
    desk.restore(desk.moments["ingest-applications"].before)
    deployment = desk.served.list_deployments()["ingest-applications"]["id"]
    desk.open(f"/deployments/deployment/{deployment}", "Runs")
    desk.page.get_by_role("button", name="Run", exact=True).click()
    desk.page.get_by_text("Custom run").click()
    for words in (
        "Cohort",
        "Empty: the one under way.",
        "As of",
        "Select date and time",
        "Dry run",
        "Only show what would be done: nothing is changed, nothing is sent.",
    ):
        desk.page.get_by_text(words).first.wait_for()
    # The UI's own list: no role, no name, and the keyboard opens it.
    desk.page.locator(".p-select-button__control").first.focus()
    desk.page.keyboard.press("ArrowDown")
    desk.page.locator(".p-select-option__text", has_text="2027").click()
    desk.page.get_by_role("switch").click()
    picture(desk.page, "run-form")
    desk.page.get_by_role("button", name="Submit").click()
    desk.page.get_by_role("button", name="View run").first.wait_for()
    [run] = desk.served.ask("flow_runs/filter", deployments={"id": {"any_": [deployment]}})
    assert run["parameters"] == {"cohort": "2027", "dry_run": True}
    assert desk.served.wait_for_end(run["id"], 1)["type"] == "COMPLETED"
    [page] = desk.served.ask(
        "artifacts/filter",
        flow_runs={"id": {"any_": [run["id"]]}},
        artifacts={"type": {"any_": ["markdown"]}},
    )
    desk.open(f"/artifacts/artifact/{page['id']}", "new applications", "Waits for a person", "desk is")
    picture(desk.page, "artifact")
    desk.leave()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ('{"cohort": "2026"}', "'2026' is not one of ['2027']"),
        ('{"dry_run": "perhaps"}', "'perhaps' is not of type 'boolean'"),
    ],
)
def test_a_wrong_value_typed_into_the_form_is_refused_there_in_words(
    desk: Desk, typed: str, words: str
) -> None:
    """The form's own fields offer only what is right; whoever writes the parameters as JSON is told what is wrong."""
    deployment = desk.served.list_deployments()["deliver-messages"]["id"]
    of_it = {"deployments": {"id": {"any_": [deployment]}}}
    before = len(desk.served.ask("flow_runs/filter", **of_it))
    desk.open(f"/deployments/deployment/{deployment}/run", "Dry run")
    # The menu beside “Parameters”, which has no name either.
    desk.page.locator("button.p-button--outline:has(svg)").first.click()
    desk.page.get_by_text("Use JSON input").click()
    desk.page.locator("textarea").first.click()
    desk.page.keyboard.press("Control+A")
    desk.page.keyboard.type(typed)
    desk.page.get_by_role("button", name="Submit").click()
    desk.page.get_by_text(words).wait_for()
    assert len(desk.served.ask("flow_runs/filter", **of_it)) == before
    desk.leave()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "flow", [pytest.param(flow, marks=() if flow == QUICK else pytest.mark.long) for flow in STEPS]
)
def test_retry_clicked_after_every_fault_and_on_a_completed_run_repeats_nothing(
    desk: Desk, flow: str, picture: Any
) -> None:
    moment = desk.moments[flow]
    desk.restore(moment.before)
    run = fail_at_every_step(desk, moment, picture)
    attempt = desk.served.send("GET", f"flow_runs/{run}", None)["run_count"]
    desk.click_retry(run)
    done = desk.served.wait_for_end(run, attempt + 1)
    assert done["type"] == "COMPLETED", done
    expected, found = read_outcome(moment.after), read_outcome(desk.served.folder)
    for part, rows in expected.items():
        assert found[part] == rows, f"{part} differ from those of a run without a fault"
    if flow == QUICK:
        show_outcome(desk, run, picture)
    desk.click_retry(run)
    assert desk.served.wait_for_end(run, attempt + 2)["type"] == "COMPLETED"
    desk.click_retry_in_new_ui(run)
    assert desk.served.wait_for_end(run, attempt + 3)["type"] == "COMPLETED"
    assert read_outcome(desk.served.folder) == found


def fail_at_every_step(desk: Desk, moment: Moment, picture: Any) -> str:
    """One run that fails at each step in turn, with a click on Retry between them; returns its id."""
    more = MORE if moment.flow == QUICK else {}
    faults = [(step, when) for step in STEPS[moment.flow] for when in (*more.get(step, ()), "after")]
    run, began = "", datetime.now(UTC)
    for attempt, (step, when) in enumerate(faults, 1):
        mark = desk.served.folder / "~$committee.xlsx"
        mark.touch() if when == "open" else desk.fault.write_text(f"{step}|{when}")
        if run:
            desk.click_retry(run, picture if attempt == 2 else None)
        else:
            run = desk.served.start_run(moment.flow, as_of=moment.as_of.isoformat())
        ended = desk.served.wait_for_end(run, attempt)
        assert not desk.fault.exists(), f"the fault at “{step}” did not happen"
        assert ended["type"] == ("CRASHED" if when == "kill" else "FAILED"), ended
        if when == "open":
            assert "committee.xlsx is open in another program; close it and run again." in ended["message"]
            desk.open(f"/runs/flow-run/{run}", "Failed", "is open in another program")
            desk.wait_for_drawing()
            picture(desk.page, "failed-run")
            mark.unlink()
        elif when != "kill":
            assert f"“{step}” failed unexpectedly with InjectedFaultError" in ended["message"]
            assert "Retry is safe" in ended["message"]
    # One mail a day, however often it fails.
    told = list((desk.served.folder / "mail").glob("*-operator_notice-*.eml"))
    assert 1 <= len(told) <= 1 + (datetime.now(UTC).date() - began.date()).days
    return run


def show_outcome(desk: Desk, run: str, picture: Any) -> None:
    """The completed run and what it left, as the operator sees both."""
    desk.open(f"/runs/flow-run/{run}", "Completed")
    desk.wait_for_drawing()
    picture(desk.page, "completed-run")
    artifacts = desk.served.ask("artifacts/filter", flow_runs={"id": {"any_": [run]}})
    assert [item["type"] for item in artifacts if item["key"] == "introduce-matches"] == ["markdown"]
    desk.leave()
