"""The two spreadsheets with Google: the backend of `tasks.sheets.Sheets` that the committee and the forms live in.

Every reading is one call, every change of the committee's spreadsheet is one call that Google does whole or not at all.
Writing goes in rounds: read, plan by key, write, and read again, until a reading shows that nothing is left to do. So
the last reading is the proof, a call whose answer got lost is no trouble, and what people did meanwhile is found and
mended (`tasks.google_mending`). Belongs here: the rounds. Does not belong here: calls (`tasks.google_client`), what is
written (`tasks.google_updates`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mentoring.desk import TABS, SheetTab, TabUpdate
from tasks.google_client import FIRST_PAUSE, SheetsClient, open_client
from tasks.google_errors import PostponedError, RefusedError, UnclearError
from tasks.google_mending import Memory, find_damage, remember
from tasks.google_requests import Request, Writes, write_cells
from tasks.google_tabs import FIELDS, OUTLINE, Spreadsheet, read_spreadsheet
from tasks.google_updates import TabPlan, plan_tab
from tasks.settings import Settings
from tasks.sheets import SheetError

#: Rounds of writing before people are asked to leave a tab alone for a moment: an edit at a bad moment costs two, one
#: that went wrong and one that mends it.
ROUNDS = 10
#: Doublings of the pause after a write without an answer.
_MOST_DOUBLINGS = 5


@dataclass(frozen=True)
class GoogleSheets:
    """The Google backend. `sleep` waits some seconds; tests replace it."""

    settings: Settings
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def forms(self) -> SheetsClient:
        """The forms' spreadsheet, to read only. Raises `SheetError` for settings that are missing or wrong."""
        return open_client(self.settings, "forms")

    @cached_property
    def committee(self) -> SheetsClient:
        """The committee's spreadsheet. Raises `SheetError` for settings that are missing or wrong."""
        return open_client(self.settings, "committee")

    def list_form_tabs(self) -> list[str]:
        """Names of all tabs of the forms' spreadsheet, in order. Raises `SheetError`."""
        return [tab.title for tab in read_spreadsheet(self.forms.read(OUTLINE)).tabs]

    def read_forms(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Read tabs of the forms' spreadsheet, by name; one that is missing is left out. Raises `SheetError`.

        Moments are told in the program's time zone, whatever zone the spreadsheet has.
        """
        return read_spreadsheet(self.forms.read(FIELDS), self.settings.program.zone).find_tabs(tabs)

    def read_committee(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Read tabs of the committee's spreadsheet, by name; one that is missing is left out. Raises `SheetError`."""
        return read_spreadsheet(self.committee.read(FIELDS)).find_tabs(tabs)

    def write_committee(self, updates: Sequence[TabUpdate]) -> None:
        """Write machine cells, all updates or none, rows found by key at this moment.

        A blank tab is laid out. Raises `SheetError` when the spreadsheet can't be used, a tab is missing, its headings
        don't tell which column is which, or people keep changing it.
        """
        memories: dict[str, Memory] = {}
        refusals = postponed = mended = 0
        for attempt in range(ROUNDS):
            self.committee.reserve_write()
            book = read_spreadsheet(self.committee.read(FIELDS))
            work = [_plan_update(book, update, memories) for update in updates]
            parts = [(item.tab, request) for item in work for request in item.requests]
            if not parts:
                return
            try:
                self.committee.write([request for _, request in parts], postponed)
            except PostponedError:
                postponed += 1
                continue
            except UnclearError:
                self.sleep(FIRST_PAUSE * 2 ** min(attempt, _MOST_DOUBLINGS))
            except RefusedError as refusal:
                # A grid that shrank meanwhile refuses as well: the next reading shows.
                refusals += 1
                if refusals > 1:
                    raise self.committee.place.describe(refusal, _name_part(refusal, parts)) from None
                continue
            for item in work:
                item.remember(memories)
            mended += any(item.mends for item in work)
            if mended > 1:
                # Mending was too late once: somebody is moving things about, and soon done.
                self.sleep(FIRST_PAUSE * 2 ** min(mended, _MOST_DOUBLINGS))
        raise SheetError(
            "The committee's spreadsheet was changed by somebody each time the software wrote there; "
            "run again in a moment."
        )


@dataclass(frozen=True)
class _Work:
    """What one round does on one tab: mend what we hit by mistake, or else what the update asks for."""

    tab: str
    plan: TabPlan
    mends: Writes
    requests: Sequence[Request]

    def remember(self, memories: dict[str, Memory]) -> None:
        if self.requests:
            memories[self.tab] = remember(memories.get(self.tab), self.plan, self.mends)


def _plan_update(book: Spreadsheet, update: TabUpdate, memories: Mapping[str, Memory]) -> _Work:
    sheet = book.find_tab(update.tab)
    if sheet is None:
        raise SheetError(
            f"The committee's spreadsheet has no tab “{update.tab}”; add an empty tab with this name, or let "
            "“mentoring init” add it, and run again."
        )
    tab = TABS[update.tab]
    memory = memories.get(update.tab)
    mends = find_damage(memory, sheet) if memory else {}
    if mends:
        # The plan would trust headings and keys that are not back yet.
        return _Work(update.tab, TabPlan(sheet, tab, update), mends, write_cells(sheet.sheet_id, mends))
    plan = plan_tab(sheet, tab, update)
    return _Work(update.tab, plan, {}, plan.requests)


def _name_part(refusal: RefusedError, parts: Sequence[tuple[str, Request]]) -> str | None:
    """The tab that the refused request was about."""
    found = refusal.says(r"requests\[(\d+)\]")
    place = int(found[1]) if found else len(parts)
    return parts[place][0] if place < len(parts) else None
