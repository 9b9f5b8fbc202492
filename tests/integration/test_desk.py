"""The forms on their way to the cohort, whatever happens while they are read."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from mentoring.desk import SheetTab
from tasks.desk import read_answers
from tasks.runs import Run
from tasks.sheets import SheetError


@dataclass(frozen=True)
class Unreadable:
    """Spreadsheets that can't be read, and whether Python looked for cycles meanwhile."""

    seen: list[bool]

    def read_forms(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        self.seen.append(gc.isenabled())
        raise SheetError("The forms' spreadsheet is not there.")


@pytest.mark.parametrize("at_work", [True, False])
def test_the_search_for_cycles_goes_on_as_before_when_reading_failed(
    run: Run, at_work: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheets, was_at_work = Unreadable([]), gc.isenabled()
    monkeypatch.setattr("tasks.runs.open_sheets", lambda settings: sheets)
    try:
        (gc.enable if at_work else gc.disable)()
        with pytest.raises(SheetError):
            read_answers(run, "mentor")
        assert gc.isenabled() == at_work
    finally:
        (gc.enable if was_at_work else gc.disable)()
    assert sheets.seen == [False]
