"""Form responses: from a tab's cells to named answers, whatever the form calls its questions.

Belongs here: what a response is, and putting together what the cells of a field say. Does not belong here: finding
the columns (`mentoring.form_headings`), the meaning of one cell (`mentoring.choices`, `mentoring.times`,
`mentoring.addresses`), whether an answer is acceptable (`tasks.validation` and its suites), and what follows from a
response (the other rules).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from json.encoder import encode_basestring_ascii
from typing import NamedTuple

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
from mentoring.times import find_day_order, is_ambiguous, read_time, read_time_zone


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
    """What a field says: its answer, what was written as the fingerprint has it, and what can't be read."""

    text: str
    written: str
    trouble: str


class _Field(NamedTuple):
    """What a field says in each row of a tab; no `troubles` at all if everything can be read."""

    texts: Sequence[str]
    written: Sequence[str]
    troubles: Sequence[str] = ()


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
    reader = _Reader.prepare(program, form, columns)
    # Field by field, not row by row: calls for each of hundreds of thousands of cells would take twice as long.
    fields = {
        name: reader.read_field(name, found, tab.rows) for name, found in sorted(columns.by_field.items())
    }
    return list(_put_rows_together(program, form, tab.rows, fields))


def _put_rows_together(
    program: Program, form: FormName, rows: Sequence[SheetRow], fields: Mapping[str, _Field]
) -> Iterator[Response]:
    names = dict.fromkeys((*list_fields(program, form), *fields))
    blank = [""] * len(rows)
    answers = zip(*(fields[name].texts if name in fields else blank for name in names), strict=True)
    # From what was written, not what was made of it: a new spelling in program.yaml makes no old response new.
    written = zip(*(field.written for name, field in fields.items() if name != VERIFIED), strict=True)
    troubled = [(name, field.troubles) for name, field in fields.items() if any(field.troubles)]
    times = fields["submitted_at"].texts
    # A sheet writes all its times in one way: a day past the twelfth tells how to read the others.
    order = find_day_order(times)
    for place, (row, texts, parts) in enumerate(zip(rows, answers, written, strict=True)):
        answer = dict(zip(names, texts, strict=True))
        # Empty answers are left out: a question added later makes no old response new.
        told = ", ".join(filter(None, parts))
        if not told and not answer.get(VERIFIED):
            continue
        troubles = {name: found[place] for name, found in troubled if found[place]}
        submitted_at = read_time(times[place], program.zone, order)
        if submitted_at is None and is_ambiguous(times[place]):
            troubles["submitted_at"] = "can mean two different days"
        key = hashlib.sha256(f'["{form}", [{told}]]'.encode()).hexdigest()[:32]
        yield Response(form, row.number, submitted_at, answer.get("email", ""), key, answer, troubles)


@dataclass(frozen=True)
class _Reader:
    """What is the same for every row of a tab. `plain` fields say what stands in their cells."""

    program: Program
    choices: Mapping[str, Sequence[str]]
    options: Mapping[str, Sequence[str]]
    long_texts: frozenset[str]
    plain: frozenset[str]
    grids: frozenset[str]

    @classmethod
    def prepare(cls, program: Program, form: FormName, columns: FormColumns) -> _Reader:
        choices, options = list_choices(program, form), list_options(program, form)
        grids = frozenset(
            name for name, found in columns.by_field.items() if any(column.choose for column in found)
        )
        plain = frozenset(columns.by_field) - {"time_zone", *choices, *options, *grids}
        return cls(program, choices, options, list_long_texts(program, form), plain, grids)

    def read_field(self, name: str, columns: Sequence[FormColumn], rows: Sequence[SheetRow]) -> _Field:
        """What a field says in each row."""
        cells = [[row.cells[column.place] for row in rows] for column in columns]
        if name in self.plain and len(columns) == 1 and not columns[0].row:
            return self._read_plain(name, cells[0])
        each = list(zip(*cells, strict=True))
        # People choose from a few: what the same cells say is put together once.
        known = {texts: self._put_together(name, columns, texts) for texts in set(each)}
        found = [known[texts] for texts in each]
        return _Field(
            [answer.text for answer in found],
            [answer.written for answer in found],
            [answer.trouble for answer in found],
        )

    def _read_plain(self, name: str, texts: Sequence[str]) -> _Field:
        lines = [fold_text(text) for text in texts]
        opening = _open_written(name)
        written = [f"{opening}{encode_basestring_ascii(line)}]]" if line else "" for line in lines]
        return _Field([clean_text(text) for text in texts] if name in self.long_texts else lines, written)

    def _put_together(self, name: str, columns: Sequence[FormColumn], texts: Sequence[str]) -> _Answer:
        cells = [_Cell(column, text, fold_text(text)) for column, text in zip(columns, texts, strict=True)]
        tie = _find_tie(cells) if name == "topics_wanted" and name in self.grids else ""
        return _Answer(self._read_answer(name, cells), _list_written(name, cells), tie)

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


def _list_written(name: str, cells: Sequence[_Cell]) -> str:
    """A field's part of the fingerprint: the JSON of its name and what its cells say; empty if nothing was written."""
    lines = [cell.line for cell in cells]
    if not any(lines):
        return ""
    if any(cell.column.row for cell in cells):
        # Rows of a grid may be added and moved.
        return json.dumps([name, sorted([cell.column.row, cell.line] for cell in cells if cell.line)])
    return f"{_open_written(name)}{', '.join(map(encode_basestring_ascii, lines))}]]"


def _open_written(name: str) -> str:
    return f"[{json.dumps(name)}, ["
