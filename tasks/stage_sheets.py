"""Spreadsheets on a stage: both in memory, kept by the same keys as the real ones, and away now and then.

Belongs here: reading and writing tabs. Does not belong here: what people write (`deployments.rehearsed_people`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mentoring.desk import TABS, Cell, SheetRow, SheetTab, TabUpdate
from mentoring.form_fields import FormName
from mentoring.program import Program
from tasks.sheets import SheetError
from tasks.tab_updates import list_first_values, read_key, require_allowed
from tasks.workbook_responses import list_questions

Row = dict[str, str]


@dataclass
class StageSheets:
    """Both spreadsheets; `away` is how often (0 to 1) a call finds them unreachable, drawn by the seed."""

    program: Program
    seed: str
    away: float = 0
    failures: Counter[str] = field(default_factory=Counter)
    forms: dict[str, list[Row]] = field(default_factory=dict)
    desk: dict[str, list[Row]] = field(default_factory=dict)
    _calls: int = 0

    # --- the software -----------------------------------------------------------------------------------------

    def list_form_tabs(self) -> list[str]:
        """Names of the forms' tabs."""
        return [form.tab for form in self.program.forms.values()]

    def read_forms(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Tabs of the forms' spreadsheet. Raises `SheetError` when it is away."""
        self._call("reading the forms")
        headings = {form.tab: tuple(list_questions(form)) for form in self.program.forms.values()}
        return {
            name: _read(name, headings[name], self.forms.get(name, [])) for name in tabs if name in headings
        }

    def read_committee(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Tabs of the committee's spreadsheet. Raises `SheetError` when it is away."""
        self._call("reading the desk")
        return self.look_at_desk(tabs)

    def write_committee(self, updates: Sequence[TabUpdate]) -> None:
        """Write machine cells by key, all or nothing. Raises `SheetError` when it is away."""
        self._call("writing the desk")
        for update in updates:
            require_allowed(TABS[update.tab], update)
            self.desk[update.tab] = _apply(self.desk.get(update.tab, []), update)

    def _call(self, what: str) -> None:
        self._calls += 1
        draw = random.Random(f"{self.seed} sheets {self._calls}")  # noqa: S311 - play, not secrecy
        if draw.random() < self.away:
            self.failures[what] += 1
            raise SheetError(f"The spreadsheet was away while {what}; run again.")

    # --- people -----------------------------------------------------------------------------------------------

    def look_at_desk(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """What people see on the desk."""
        return {name: _read(name, TABS[name].list_headings(), self.desk.get(name, [])) for name in tabs}

    def append_form_rows(self, form: FormName, rows: Sequence[Mapping[str, str]]) -> None:
        """Send responses of a form: answers by question."""
        self.forms.setdefault(self.program.forms[form].tab, []).extend(dict(row) for row in rows)

    def edit_committee_rows(self, tab: str, rows: Mapping[tuple[str, ...], Mapping[str, Cell]]) -> None:
        """Write cells on the desk: values by heading, by the row's key."""
        for row in self.desk[tab]:
            row.update(
                {heading: str(value) for heading, value in rows.get(read_key(TABS[tab], row), {}).items()}
            )

    def append_committee_rows(self, tab: str, rows: Sequence[Mapping[str, Cell]]) -> None:
        """Add rows on the desk: values by heading."""
        blank = dict.fromkeys(TABS[tab].list_headings(), "")
        self.desk.setdefault(tab, []).extend(
            blank | {heading: str(cell) for heading, cell in row.items()} for row in rows
        )


def _read(name: str, headings: Sequence[str], rows: Sequence[Row]) -> SheetTab:
    cells = (tuple(row.get(heading, "") for heading in headings) for row in rows)
    return SheetTab(
        name, tuple(headings), tuple(SheetRow(number, row) for number, row in enumerate(cells, 2))
    )


def _apply(rows: Sequence[Row], update: TabUpdate) -> list[Row]:
    tab = TABS[update.tab]
    machine, first = set(tab.list_headings("machine")), list_first_values(update)
    wanted = {read_key(tab, row): row for row in update.rows}
    kept = [dict(row) for row in rows if not update.remove_missing or read_key(tab, row) in wanted]
    for row in kept:
        new = wanted.get(read_key(tab, row), {})
        row.update({heading: str(cell) for heading, cell in new.items() if heading in machine})
    there = {read_key(tab, row) for row in kept}
    for key, new in wanted.items():
        if key in there or (key not in first and machine.isdisjoint(tab.key)):
            continue
        blank = dict.fromkeys(tab.list_headings(), "")
        shown = {h: str(c) for h, c in new.items() if h in machine or h in tab.key}
        people = {h: str(c) for h, c in first.get(key, {}).items()}
        kept.append(blank | shown | people)
    return kept
