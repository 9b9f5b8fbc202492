"""A sample year lived once, with the program folder put aside before and after the run of each flow that did most.

Tests that interrupt such a run start from the first folder, and have to end with the second.
"""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deployments.demo import DemoYear
from deployments.private_server import start_private_server

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
        else:
            shutil.rmtree(before)
        return report


def live_moments(folder: Path, last: date | None) -> dict[str, Moment]:
    """Live through the sample year, or its beginning until `last`, and return the moments by flow."""
    with start_private_server() as server:
        server.wait()
        from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        with temporary_settings({PREFECT_API_URL: server.address, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            return _live(folder, last)


def _live(folder: Path, last: date | None) -> dict[str, Moment]:
    year = WatchedYear(folder, tell=lambda _: None)
    year.people.set_up_desk()
    for day in year._list_days():
        if last is None or day <= last:
            year._live_day(day)
    _add_delivery(year)
    if last is None:
        late = datetime(2030, 1, 15, 12, tzinfo=year.program.zone)
        before = shutil.copytree(folder, folder.with_name("purge-before"))
        _add_moment(year, "purge-personal-data", late, before)
    return year.moments


def _add_delivery(year: WatchedYear) -> None:
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
    _add_moment(year, "deliver-messages", introduced.as_of, before)


def _add_moment(year: WatchedYear, flow: str, as_of: datetime, before: Path) -> None:
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
    """The rows of every tab of the committee's workbook."""
    from mentoring.desk import TABS
    from tasks.local_workbooks import LocalWorkbooks

    tabs = LocalWorkbooks(folder, ZoneInfo("America/New_York")).read_committee(list(TABS))
    return {name: sorted(str(row.cells) for row in tab.rows) for name, tab in tabs.items()}
