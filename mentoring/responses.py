"""Form responses: from a tab's cells to named answers, whatever the form calls its questions.

Belongs here: what a response is, and putting together what the cells of a field say. Does not belong here: finding
the columns (`mentoring.form_headings`), the meaning of one cell (`mentoring.choices`, `mentoring.times`,
`mentoring.addresses`), whether an answer is acceptable (`tasks.validation` and its suites), and what follows from a
response (the other rules).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from mentoring.addresses import normalise_address
from mentoring.cell_text import clean_text, fold_text
from mentoring.choices import match_option, split_choices
from mentoring.desk import SheetRow, SheetTab
from mentoring.form_fields import (
    VERIFIED,
    WITHDRAW,
    FormName,
    list_choices,
    list_fields,
    list_long_texts,
    list_options,
)
from mentoring.form_headings import FormColumn, FormColumns, find_columns
from mentoring.program import Program
from mentoring.times import DayOrder, find_day_order, is_ambiguous, read_time, read_time_zone


@dataclass(frozen=True)
class Response:
    """One response to a form.

    `row` is its row in the sheet, `submitted_at` is aware and in UTC or None if it can't be read, `key` is a
    fingerprint that stays when rows move, `answers` has every field of the form (empty text where nothing was
    answered); answers with several values are joined with "; ". `troubles` says by field what could not be read
    without guessing, as the end of a sentence. Its repr shows no personal data.
    """

    form: FormName
    row: int
    submitted_at: datetime | None
    email: str = field(repr=False)
    key: str
    answers: Mapping[str, str] = field(repr=False)
    troubles: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def address(self) -> str | None:
        """The key of the sender's address; None if the address can't be used."""
        return normalise_address(self.email)

    @property
    def is_verified(self) -> bool:
        """Whether the form's own sign-in collected the sender's address."""
        verified = normalise_address(self.answers.get(VERIFIED, ""))
        return verified is not None and verified == self.address

    @property
    def is_withdrawal(self) -> bool:
        """Whether the applicant takes the application back."""
        return self.answers.get("action") == WITHDRAW


class _Cell(NamedTuple):
    """One cell of a response: its column, its text as it stands, and its text on one line."""

    column: FormColumn
    text: str
    line: str


class _Answer(NamedTuple):
    """What a field says: its answer, what was written in its columns, and what can't be read without guessing."""

    text: str
    written: list[Any]
    trouble: str


def read_responses(
    program: Program, form: FormName, tab: SheetTab, columns: FormColumns | None = None
) -> list[Response]:
    """Read a tab's rows in their order; rows without any mapped answer are left out.

    `columns` are those of `find_columns`, if it was asked before. Raises ValueError with a sentence if the headings
    are at fault.
    """
    columns = columns or find_columns(program, form, tab)
    if columns.problems:
        raise ValueError(columns.problems[0])
    reader = _Reader.prepare(program, form, tab, columns)
    found = (reader.read(row) for row in tab.rows)
    return [response for response in found if response is not None]


@dataclass(frozen=True)
class _Reader:
    """What is the same for every row of a tab.

    `columns` are in the order of their fields' names, `lines` the places of the many that are one line of one cell, and
    `blank` the answers of somebody who gave none.
    `read_before` keeps what choices were read as: people choose from a few, so the same answers come again.
    """

    program: Program
    form: FormName
    columns: Mapping[str, Sequence[FormColumn]]
    choices: Mapping[str, Sequence[str]]
    options: Mapping[str, Sequence[str]]
    long_texts: frozenset[str]
    plain: frozenset[str]
    grids: frozenset[str]
    lines: Mapping[str, int]
    blank: Mapping[str, str]
    order: DayOrder | None
    read_before: dict[tuple[str, ...], _Answer] = field(default_factory=dict)

    @classmethod
    def prepare(cls, program: Program, form: FormName, tab: SheetTab, columns: FormColumns) -> _Reader:
        by_field = dict(sorted(columns.by_field.items()))
        choices, options = list_choices(program, form), list_options(program, form)
        grids = frozenset(name for name, found in by_field.items() if any(column.choose for column in found))
        places = [column.place for column in by_field["submitted_at"]]
        plain = frozenset(by_field) - {"time_zone", *choices, *options, *grids}
        long_texts = list_long_texts(program, form)
        return cls(
            program=program,
            form=form,
            columns=by_field,
            choices=choices,
            options=options,
            long_texts=long_texts,
            plain=plain,
            grids=grids,
            lines={
                name: by_field[name][0].place
                for name in plain - long_texts
                if len(by_field[name]) == 1 and not by_field[name][0].row
            },
            blank=dict.fromkeys((*list_fields(program, form), *by_field), ""),
            # A sheet writes all its times in one way: a day past the twelfth tells how to read the others.
            order=find_day_order(row.cells[place] for row in tab.rows for place in places),
        )

    def read(self, row: SheetRow) -> Response | None:
        answers = dict(self.blank)
        written: list[list[Any]] = []
        troubles: dict[str, str] = {}
        for name, columns in self.columns.items():
            if name in self.lines:
                if line := fold_text(row.cells[self.lines[name]]):
                    answers[name] = line
                    written.append([name, [line]])
                continue
            texts = [row.cells[column.place] for column in columns]
            if not any(texts):
                continue
            answer = self._read_field(name, columns, texts)
            answers[name] = answer.text
            # What was written, not what was made of it: a new spelling in program.yaml makes no old response new.
            # Empty answers are left out for the same reason: a question added later changes nothing.
            if any(answer.written):
                written.append([name, answer.written])
            if answer.trouble:
                troubles[name] = answer.trouble
        if not written:
            return None
        submitted_at = read_time(answers["submitted_at"], self.program.zone, self.order)
        if submitted_at is None and is_ambiguous(answers["submitted_at"]):
            troubles["submitted_at"] = "can mean two different days"
        key, email = _fingerprint(self.form, written), answers.get("email", "")
        return Response(self.form, row.number, submitted_at, email, key, answers, troubles)

    def _read_field(self, name: str, columns: Sequence[FormColumn], texts: Sequence[str]) -> _Answer:
        if name in self.plain:
            return self._put_together(name, columns, texts)
        same = (name, *texts)
        if same not in self.read_before:
            self.read_before[same] = self._put_together(name, columns, texts)
        return self.read_before[same]

    def _put_together(self, name: str, columns: Sequence[FormColumn], texts: Sequence[str]) -> _Answer:
        cells = [_Cell(column, text, fold_text(text)) for column, text in zip(columns, texts, strict=True)]
        tie = _find_tie(cells) if name == "topics_wanted" and name in self.grids else ""
        return _Answer(self._read_answer(name, cells), _list_written(cells), tie)

    def _read_answer(self, name: str, cells: Sequence[_Cell]) -> str:
        if name in self.long_texts and name not in self.grids:
            return "\n\n".join(text for cell in cells if (text := clean_text(cell.text)))
        if name in self.plain:
            return (" " if name == "name" else "; ").join(cell.line for cell in cells if cell.line)
        return self._read_choices(name, cells)

    def _read_choices(self, name: str, cells: Sequence[_Cell]) -> str:
        options = self.choices.get(name) or self.options.get(name, ())
        if name in self.grids:
            return "; ".join(_list_chosen_rows(cells, options))
        if name in self.choices:
            chosen = [choice for cell in cells for choice in split_choices(cell.text, options)]
            # A ranking keeps its repeats, so that they can be pointed out.
            return "; ".join(chosen if name == "topics_wanted" else dict.fromkeys(chosen))
        answer = "; ".join(cell.line for cell in cells if cell.line)
        return (
            read_time_zone(answer, self.program.time_zones)
            if name == "time_zone"
            else match_option(answer, options)
        )


def _list_ranks(cells: Sequence[_Cell]) -> list[tuple[int, str]]:
    """The chosen rows of a grid with the place of their answer in the grid's `choose`, in the sheet's order."""
    ranked = []
    for cell in cells:
        choose = cell.column.choose
        places = [choose.index(answer) for answer in split_choices(cell.text, choose) if answer in choose]
        if places:
            ranked.append((min(places), cell.column.row))
    return ranked


def _list_chosen_rows(cells: Sequence[_Cell], options: Sequence[str]) -> list[str]:
    ranked = sorted(_list_ranks(cells), key=lambda item: item[0])
    return list(dict.fromkeys(match_option(row, options) for _, row in ranked))


def _find_tie(cells: Sequence[_Cell]) -> str:
    """Which rows of a ranking share a place that only one can have, as the beginning of a sentence."""
    by_rank: dict[int, list[str]] = {}
    for rank, row in _list_ranks(cells):
        by_rank.setdefault(rank, []).append(row)
    tied = next((rows for rows in by_rank.values() if len(rows) > 1), None)
    return f"“{tied[0]}” and “{tied[1]}” have the same place" if tied else ""


def _fingerprint(form: str, written: Sequence[Sequence[Any]]) -> str:
    told = [entry for entry in written if entry[0] != VERIFIED]
    return hashlib.sha256(json.dumps([form, told]).encode()).hexdigest()[:32]


def _list_written(cells: Sequence[_Cell]) -> list[Any]:
    if any(cell.column.row for cell in cells):
        # Rows of a grid may be added and moved.
        return sorted([cell.column.row, cell.line] for cell in cells if cell.line)
    return [cell.line for cell in cells]
