"""The two spreadsheets with Google: the backend of `tasks.sheets.Sheets` that the committee and the forms live in.

Every reading is one call. A change of the committee's spreadsheet goes in rounds of one call, which Google does whole
or not at all: read, plan by key, write, and read again, until a reading shows that nothing is left to do. First comes
what shapes the tabs, new rows included, then cells of rows that are there. Cells name their columns by marks that go
with them, so that no column of people's is ever written in, wherever they drag it at that moment. The last reading is
the proof, a call whose answer got lost is no trouble, and what became of rows that people moved meanwhile is found and
mended (`tasks.google_mending`). Belongs here: the rounds. Does not belong here: calls (`tasks.google_client`), what is
written (`tasks.google_updates`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from mentoring.desk import TABS, SheetTab, TabUpdate
from tasks.google_client import FIRST_PAUSE, SheetsClient, open_client
from tasks.google_errors import PostponedError, RefusedError, UnclearError
from tasks.google_mending import Damage, Memory, find_damage, remember
from tasks.google_requests import MarkedValues, Request, Writes, clear_words, write_marked
from tasks.google_tabs import FIELDS, MARKED_FIELDS, OUTLINE, Spreadsheet, read_spreadsheet
from tasks.google_updates import TabPlan, complete_marks, plan_tab
from tasks.settings import Settings
from tasks.sheets import SheetError

#: Rounds of writing before people are asked to leave a tab alone for a moment: an edit at a bad moment costs two, one
#: that went wrong and one that mends it.
ROUNDS = 8
#: Rounds after that in which only what we hit by mistake is mended.
CLEANING_ROUNDS = 2
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
        """Write machine cells, rows found by key at this moment; nothing if any update can't be done.

        A blank tab is laid out. Raises `SheetError` when the spreadsheet can't be used, a tab is missing, its headings
        don't tell which column is which, or people keep changing it.
        """
        _Writing(self.committee, self.sleep, updates).finish()


@dataclass
class _Writing:
    """One change of the committee's spreadsheet, from the first reading to the one that shows that nothing is left."""

    committee: SheetsClient
    sleep: Callable[[float], None]
    updates: Sequence[TabUpdate]
    memories: dict[str, Memory] = field(default_factory=dict)
    refusals: int = 0
    unclear: int = 0
    postponed: int = 0
    mended: int = 0

    def finish(self) -> None:
        """Go round until nothing is left to do. Raises `SheetError`."""
        for attempt in range(ROUNDS + CLEANING_ROUNDS):
            self.committee.reserve_write()
            book = read_spreadsheet(self.committee.read(MARKED_FIELDS))
            work = [self._plan(book, update) for update in self.updates]
            if attempt >= ROUNDS:
                work = [item for item in work if item.damage]
            if not any(item.is_needed for item in work):
                if attempt >= ROUNDS:
                    break
                return
            self._do(work)
        raise SheetError(
            "The committee's spreadsheet was changed by somebody each time the software wrote there; "
            "run again in a moment."
        )

    def _plan(self, book: Spreadsheet, update: TabUpdate) -> _Work:
        sheet = book.find_tab(update.tab)
        if sheet is None:
            raise SheetError(
                f"The committee's spreadsheet has no tab “{update.tab}”; add an empty tab with this name, or let "
                "“mentoring init” add it, and run again."
            )
        tab = TABS[update.tab]
        memory = self.memories.get(update.tab)
        damage = find_damage(memory, sheet) if memory else Damage()
        has_moved = memory is not None and memory.has_moved
        # The plan would trust keys that are not back yet.
        plan = TabPlan(sheet, tab, update) if damage else plan_tab(sheet, tab, update)
        return _Work(plan, damage, has_moved)

    def _do(self, work: Sequence[_Work]) -> None:
        """Make the one call of this round: what shapes the tabs, or where nothing is left to shape, cells."""
        if shapes := [(item, request) for item in work for request in item.shape]:
            requests = [request for _, request in shapes]
            if self._call(
                partial(self.committee.write, requests, self.postponed), [item for item, _ in shapes]
            ):
                self._remember(work, are_cells=False)
        elif cells := [(item, part) for item in work for part in item.list_marked()]:
            data = [part for _, part in cells]
            if self._call(
                partial(self.committee.write_marked, data, self.postponed), [item for item, _ in cells]
            ):
                self._remember(work, are_cells=True)
                self._let_people_finish(work)
        else:
            # Columns are moving, and rows would come just then.
            self.sleep(FIRST_PAUSE)

    def _call(self, call: Callable[[], None], parts: Sequence[_Work]) -> bool:
        """Whether the call may have been carried out. `parts` says what each of its parts is about."""
        try:
            call()
        except PostponedError:
            self.postponed += 1
            return False
        except UnclearError:
            self.unclear += 1
            self.sleep(FIRST_PAUSE * 2 ** min(self.unclear, _MOST_DOUBLINGS))
        except RefusedError as refusal:
            # A grid that shrank meanwhile refuses as well: the next reading shows.
            self.refusals += 1
            if self.refusals > 1:
                raise self.committee.place.describe(refusal, _name_part(refusal, parts)) from None
            return False
        return True

    def _remember(self, work: Sequence[_Work], are_cells: bool) -> None:
        for item in work:
            if item.cells if are_cells else item.is_shaped:
                name = item.plan.tab.name
                cells = item.cells if are_cells else None
                self.memories[name] = remember(self.memories.get(name), item.plan, cells)

    def _let_people_finish(self, work: Sequence[_Work]) -> None:
        self.mended += any(item.damage for item in work)
        if self.mended > 1:
            # Mending was too late once: somebody is moving things about, and soon done.
            self.sleep(FIRST_PAUSE * 2 ** min(self.mended, _MOST_DOUBLINGS))


@dataclass(frozen=True)
class _Work:
    """What is to be done on one tab: mend what we hit by mistake, or else what the update asks for.

    While columns are moving (`is_moving`) nothing is done but cells, which find their columns by the marks.
    """

    plan: TabPlan
    damage: Damage
    is_moving: bool

    @property
    def is_needed(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.damage or self.plan.writes or self.plan.shape)

    @property
    def is_shaped(self) -> bool:
        """Whether what the plan makes of the tab's shape is done now."""
        return not (self.damage or self.is_moving)

    @property
    def shape(self) -> Sequence[Request]:
        """What has to be done before cells are written."""
        if self.is_shaped:
            return self.plan.shape
        sheet = self.plan.sheet
        cleared = [
            request
            for row, words in self.damage.rows.items()
            for request in clear_words(sheet.sheet_id, row, words)
        ]
        return [*complete_marks(sheet, self.cells), *cleared]

    @property
    def cells(self) -> Writes:
        """Cells of rows that are there."""
        return self.damage.cells or self.plan.cells

    def list_marked(self) -> list[MarkedValues]:
        """The cells, named by the marks of their columns."""
        return write_marked(self.cells, self.plan.sheet.marks)


def _name_part(refusal: RefusedError, parts: Sequence[_Work]) -> str | None:
    """The tab that the refused part of a call was about."""
    found = refusal.says(r"(?:requests|data)\[(\d+)\]")
    place = int(found[1]) if found else len(parts)
    return parts[place].plan.tab.name if place < len(parts) else None
