"""The sample year with both spreadsheets at Google: the same outcome as on workbooks, cell by cell, also with faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from google_program import hurry, move_to_google
from stand_ins.google_faults import PASSING, UNHEARD, Fault
from stand_ins.google_sheets import Call, GoogleStandIn

from deployments.demo import DemoYear
from mentoring.cohort import Cohort
from mentoring.desk import TABS, SheetTab
from tasks import google_client
from tasks.settings import load_settings
from tasks.sheets import open_sheets

# Whole years, which may take their time on a busy machine.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(google_client, "TIMEOUTS", (20.0, 120.0))


class GoogleYear(DemoYear):
    """The sample year whose people and flows meet in two spreadsheets on the stand-in."""

    google: GoogleStandIn

    def live(self) -> None:
        self.people.hands = move_to_google(self.google, self.folder)
        super().live()
        assert not list(self.folder.glob("*.xlsx"))


def live_on_workbooks(folder: Path) -> DemoYear:
    year = DemoYear(folder, tell=lambda line: None)
    year.live()
    return year


def live_on_google(folder: Path, google: GoogleStandIn) -> GoogleYear:
    year = GoogleYear(folder, tell=lambda line: None)
    year.google = google
    year.live()
    return year


def read_cells(year: DemoYear, cohort: Cohort) -> dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Every cell of the desk; random references are told by what they stand for, row by row in a fixed order."""
    names = {match.match_id: " + ".join(match.pair) for match in cohort.matches.values()}
    requests = sorted(cohort.requests.values(), key=lambda request: (request.received_at, request.kind))
    names |= {request.request_id: f"request {number}" for number, request in enumerate(requests)}
    names |= {message.message_id: f"message of {message.recipient_id}" for message in cohort.messages}

    def tell(text: str) -> str:
        return names.get(text, text)

    def read(tab: SheetTab) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        return tab.headings, sorted(tuple(map(tell, row.cells)) for row in tab.rows)

    tabs = open_sheets(load_settings(year.folder)).read_committee(list(TABS))
    return {name: read(tab) for name, tab in tabs.items()}


def describe(cohort: Cohort) -> list[tuple[object, ...]]:
    """What happened in the year, without ids and times of day."""
    pairs = {match.match_id: match.pair for match in cohort.matches.values()}
    return sorted(
        [
            *(("match", m.pair, m.points, m.state, m.reason or "") for m in cohort.matches.values()),
            *(
                (
                    "message",
                    m.kind,
                    m.period,
                    m.state,
                    pairs.get(m.subject_id, ("",)),
                    cohort.people[m.recipient_id].email,
                )
                for m in cohort.messages
            ),
            *(("application", key, item.state, item.reason) for key, item in cohort.applications.items()),
            *(
                ("check-in", pairs.get(c.match_id, ("",)), c.signal, c.contacts or 0)
                for c in cohort.check_ins
            ),
        ],
        key=repr,
    )


@pytest.fixture
def google() -> Iterator[GoogleStandIn]:
    with GoogleStandIn() as stand_in:
        yield stand_in
        assert not stand_in.violations


@pytest.fixture(scope="module")
def on_workbooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, object]:
    year = live_on_workbooks(tmp_path_factory.mktemp("workbooks") / "program")
    cohort = year.read_cohort()
    return read_cells(year, cohort), describe(cohort)


def test_the_year_is_the_same_with_google(
    tmp_path: Path, google: GoogleStandIn, on_workbooks: tuple[object, object]
) -> None:
    year = live_on_google(tmp_path / "program", google)
    cohort = year.read_cohort()
    cells, story = read_cells(year, cohort), describe(cohort)
    assert story == on_workbooks[1]
    assert cells == on_workbooks[0]
    assert google.count_calls() < 15 * len(year.reports)


def test_the_year_is_the_same_when_every_call_goes_wrong_first(
    tmp_path: Path,
    google: GoogleStandIn,
    on_workbooks: tuple[object, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(google_client, "_choose_pause", lambda trouble, attempt: 0.0)
    # Faults before and after Google has done its work, in turn.
    kinds = [fault for fault in (*PASSING, *UNHEARD) if fault.action != "hang"]
    faults = {"read": cycle(kinds), "write": cycle(kinds)}
    struck: set[tuple[str, str]] = set()
    #: The last read and the last write that were struck, until they come again: only that second try gets through.
    again: dict[str, tuple[object, ...]] = {}

    def strike(call: Call) -> None:
        asked = (call.method, call.spreadsheet, call.request)
        if again.get(call.kind) == asked:
            del again[call.kind]
            return
        again[call.kind] = asked
        fault: Fault = replace(next(faults[call.kind]))
        struck.add((call.kind, fault.name))
        google.faults.at(call.number, fault)

    google.on_call(strike)
    year = live_on_google(tmp_path / "program", google)
    google.remove_hooks()
    google.faults.clear()
    cohort = year.read_cohort()
    # Each kind of trouble has struck readings and writings alike.
    assert struck == {(kind, fault.name) for kind in faults for fault in kinds}
    assert describe(cohort) == on_workbooks[1]
    assert read_cells(year, cohort) == on_workbooks[0]
