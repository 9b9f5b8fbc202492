"""A program on the Google stand-in, and people's hands at its spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from stand_ins.google_cells import Cell as GoogleCell
from stand_ins.google_cells import keep
from stand_ins.google_sheets import GoogleStandIn

from deployments.people_at_work import Answer, Match
from deployments.program_folders import init_program
from mentoring.desk import TABS, Cell, SheetRow, SheetTab
from mentoring.program import GoogleSettings, Program
from tasks import google_client, google_pace, google_sheets
from tasks.google_sheets import GoogleSheets
from tasks.settings import PROGRAM_FILE, Settings, load_settings, read_program
from tasks.workbook_responses import list_questions

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "deployments" / "programs" / "sample" / PROGRAM_FILE
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")


def add_desk(google: GoogleStandIn, *tabs: str) -> str:
    """A committee's spreadsheet with headings only, no looks; all tabs, or these."""
    return google.add_spreadsheet("Desk", {name: [TABS[name].list_headings()] for name in tabs or TABS})


def add_forms(google: GoogleStandIn, tabs: Mapping[str, Sequence[Sequence[Any]]] | None = None) -> str:
    """The forms' spreadsheet with the sample's questions, or these tabs; shared to be read."""
    if tabs is None:
        forms = read_program(SAMPLE).forms.values()
        tabs = {form.tab: [list_questions(form)] for form in forms}
    return google.add_spreadsheet("Forms", tabs, shared_with={google.email: "reader"})


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Let the client wait for nothing but answers, and ask as often as it likes."""
    patch.setattr(google_pace, "CALLS_A_MINUTE", 1_000_000)
    for module in (google_client, google_sheets):
        patch.setattr(module, "FIRST_PAUSE", 0.001)
    google_client._open_http.cache_clear()


def move_to_google(google: GoogleStandIn, folder: Path) -> StandInHands:
    """Have both spreadsheets of a program folder with the stand-in, and no workbook any more; people's hands at them."""
    forms = read_program(folder / PROGRAM_FILE).forms.values()
    ids = (
        add_forms(google, {form.tab: [list_questions(form)] for form in forms}),
        google.add_spreadsheet("Desk"),
    )
    path = folder / PROGRAM_FILE
    text = re.sub(r"(?m)^sheets:.*\n", "", path.read_text(encoding="utf-8"))
    where = f'sheets: google\ngoogle:\n  forms: "{ids[0]}"\n  committee: "{ids[1]}"\n'
    path.write_text(f"{text}\n{where}", encoding="utf-8")
    (folder / "account.json").write_text(google.service_account_json(), encoding="utf-8")
    (folder / ".env").write_text(
        f"MENTORING_GOOGLE_SERVICE_ACCOUNT=account.json\nMENTORING_GOOGLE_API_URL={google.api_url}\n",
        encoding="utf-8",
    )
    for name in ("forms.xlsx", "committee.xlsx"):
        # Nothing may be read from them or written to them.
        (folder / name).unlink()
    init_program(folder)
    return StandInHands(google, load_settings(folder))


def make_settings(google: GoogleStandIn, folder: Path, forms: str, committee: str) -> Settings:
    """Settings of the sample's program whose spreadsheets are with the stand-in."""
    program = read_program(SAMPLE)
    program = program.model_copy(update={"google": GoogleSettings(forms=forms, committee=committee)})
    return Settings(
        folder=folder,
        program=program,
        database_url=SecretStr(f"sqlite:///{folder / 'mentoring.sqlite'}"),
        sheets="google",
        mail="files",
        google_service_account=SecretStr(google.service_account_json()),
        google_api_url=google.api_url,
    )


def read_tab(settings: Settings, tab: str) -> list[dict[str, str]]:
    """Rows of a tab of the committee's spreadsheet, without their numbers."""
    rows = GoogleSheets(settings).read_committee([tab])[tab].read_rows()
    return [{heading: text for heading, text in row.items() if heading} for row in rows]


@dataclass(frozen=True)
class StandInHands:
    """People at the two spreadsheets of a program on the stand-in."""

    google: GoogleStandIn
    settings: Settings

    def append_form_rows(self, form: str, rows: Sequence[Mapping[str, Answer]]) -> None:
        tab = next(found.tab for name, found in self.settings.program.forms.items() if name == form)

        def change(sheet: Any, columns: Mapping[str, int]) -> None:
            # A response without an answer is a row of its own.
            for number, row in enumerate(rows, start=len(sheet.list_values())):
                for question, answer in row.items():
                    sheet.put(number, columns[question], _keep_answer(answer))

        self._change(self._forms, tab, change)

    def edit_form_row(self, tab: str, match: Match, changes: Mapping[str, Answer]) -> None:
        def change(sheet: Any, columns: Mapping[str, int]) -> None:
            number = _find_response(sheet, columns, match)
            for question, answer in changes.items():
                sheet.put(number, columns[question], _keep_answer(answer))

        self._change(self._forms, tab, change)

    def delete_form_row(self, tab: str, match: Match) -> None:
        def change(sheet: Any, columns: Mapping[str, int]) -> None:
            sheet.delete_rows(_find_response(sheet, columns, match) + 1)

        self._change(self._forms, tab, change)

    def edit_committee_rows(self, tab: str, rows: Mapping[tuple[str, ...], Mapping[str, Cell]]) -> None:
        def change(sheet: Any, columns: Mapping[str, int]) -> None:
            lines = sheet.list_values()
            keys = [tuple(str(line[columns[heading]]) for heading in TABS[tab].key) for line in lines]
            for key, values in rows.items():
                for heading, value in values.items():
                    place = (keys.index(key), columns[heading])
                    sheet.put(*place, sheet.cell(*place)._replace(entered=value))

        self._change(self._committee, tab, change)

    def append_committee_rows(self, tab: str, rows: Sequence[Mapping[str, Cell]]) -> None:
        def change(sheet: Any, columns: Mapping[str, int]) -> None:
            for row in rows:
                number = len(sheet.list_values())
                for heading, value in row.items():
                    place = (number, columns[heading])
                    sheet.put(*place, sheet.cell(*place)._replace(entered=value))

        self._change(self._committee, tab, change)

    def read_committee(self, tab: str) -> SheetTab:
        lines = self.google.read(self._committee, tab)
        texts = [tuple("" if value is None else str(value) for value in line) for line in lines]
        rows = (SheetRow(number, line) for number, line in enumerate(texts[1:], 2) if any(line))
        return SheetTab(tab, texts[0], tuple(rows))

    @property
    def program(self) -> Program:
        return self.settings.program

    @property
    def folder(self) -> Path:
        return self.settings.folder

    @property
    def _google(self) -> GoogleSettings:
        assert self.settings.program.google
        return self.settings.program.google

    @property
    def _forms(self) -> str:
        return self._google.forms

    @property
    def _committee(self) -> str:
        return self._google.committee

    def _change(self, book: str, tab: str, change: Callable[[Any, Mapping[str, int]], None]) -> None:
        def act(spreadsheet: Any) -> None:
            sheet = spreadsheet.tab(tab)
            headings = sheet.list_values()[0]
            change(sheet, {str(heading): column for column, heading in enumerate(headings) if heading})

        self.google.edit(book, act)


def _keep_answer(answer: Answer) -> GoogleCell:
    if isinstance(answer, str) and _TIMESTAMP.fullmatch(answer):
        answer = datetime.fromisoformat(answer)
    return keep(answer, "en_US")


def _find_response(sheet: Any, columns: Mapping[str, int], match: Match) -> int:
    lines = sheet.list_values()
    for number in range(len(lines) - 1, 0, -1):
        answers = {question: str(lines[number][column]) for question, column in columns.items()}
        if callable(match):
            if any(answers.values()) and match(answers):
                return number
        elif all(answers.get(question) == answer for question, answer in match):
            return number
    raise LookupError(f"The tab {sheet.title} has no such response.")


def with_ids(settings: Settings, **ids: str) -> Settings:
    """The same settings with other spreadsheets."""
    google = settings.program.google
    assert google
    program = settings.program.model_copy(update={"google": google.model_copy(update=ids)})
    return replace(settings, program=program)
