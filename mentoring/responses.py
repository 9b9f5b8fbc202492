"""Form responses: from a tab's cells to named answers, whatever the form calls its questions.

Belongs here: what a response is, and putting together what the cells of a field say. Does not belong here: finding
the columns (`mentoring.form_headings`), the meaning of one cell (`mentoring.choices`, `mentoring.times`,
`mentoring.addresses`), whether an answer is acceptable (`tasks.validation` and its suites), and what follows from a
response (the other rules).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from json.encoder import encode_basestring_ascii
from operator import itemgetter
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
    """What a field says: its answer, what was written as the fingerprint has it, and what can't be read."""

    text: str
    written: str
    trouble: str


_NOTHING = _Answer("", "", "")


class _Field(NamedTuple):
    """A field and the columns that it is read from.

    `pick` takes their texts from a row's cells: one text, or a tuple of several. With `is_line`, the answer is the one
    cell's text on one line, which `opening` precedes in the fingerprint. `known` keeps what choices were read as:
    people choose from a few, so the same texts come again; None where everybody writes their own.
    """

    name: str
    columns: Sequence[FormColumn]
    pick: Callable[[Sequence[str]], Any]
    is_line: bool
    opening: str
    known: dict[str | tuple[str, ...], _Answer] | None


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

    `fields` are in the order of their names, and `blank` has the answers of somebody who gave none.
    """

    program: Program
    form: FormName
    fields: Sequence[_Field]
    choices: Mapping[str, Sequence[str]]
    options: Mapping[str, Sequence[str]]
    long_texts: frozenset[str]
    plain: frozenset[str]
    grids: frozenset[str]
    blank: Mapping[str, str]
    order: DayOrder | None

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
            fields=[
                _Field(
                    name,
                    found,
                    itemgetter(*(column.place for column in found)),
                    is_line=name in plain - long_texts and len(found) == 1 and not found[0].row,
                    opening=f"[{json.dumps(name)}, [",
                    known=None if name in plain else {},
                )
                for name, found in by_field.items()
            ],
            choices=choices,
            options=options,
            long_texts=long_texts,
            plain=plain,
            grids=grids,
            blank=dict.fromkeys((*list_fields(program, form), *by_field), ""),
            # A sheet writes all its times in one way: a day past the twelfth tells how to read the others.
            order=find_day_order(row.cells[place] for row in tab.rows for place in places),
        )

    def read(self, row: SheetRow) -> Response | None:
        answers = dict(self.blank)
        written: dict[str, str] = {}
        troubles: dict[str, str] = {}
        for item in self.fields:
            # Unpacked, and the usual cases settled here: a call for each of a hundred thousand answers is felt.
            name, _, pick, is_line, opening, known = item
            texts = pick(row.cells)
            if is_line:
                if line := fold_text(texts):
                    answers[name] = line
                    written[name] = f"{opening}{encode_basestring_ascii(line)}]]"
                continue
            answer = known.get(texts) if known is not None else None
            if answer is None:
                answer = self._put_together(item, texts)
            answers[name] = answer.text
            # Empty answers are left out: a question added later makes no old response new.
            if answer.written:
                written[name] = answer.written
            if answer.trouble:
                troubles[name] = answer.trouble
        if not written:
            return None
        submitted_at = read_time(answers["submitted_at"], self.program.zone, self.order)
        if submitted_at is None and is_ambiguous(answers["submitted_at"]):
            troubles["submitted_at"] = "can mean two different days"
        key, email = _fingerprint(self.form, written), answers.get("email", "")
        return Response(self.form, row.number, submitted_at, email, key, answers, troubles)

    def _put_together(self, item: _Field, texts: str | tuple[str, ...]) -> _Answer:
        if not any(texts):
            return _NOTHING
        each = (texts,) if isinstance(texts, str) else texts
        cells = [
            _Cell(column, text, fold_text(text)) for column, text in zip(item.columns, each, strict=True)
        ]
        tie = _find_tie(cells) if item.name == "topics_wanted" and item.name in self.grids else ""
        answer = _Answer(self._read_answer(item.name, cells), _list_written(item, cells), tie)
        if item.known is not None:
            item.known[texts] = answer
        return answer

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


def _fingerprint(form: str, written: Mapping[str, str]) -> str:
    """From what was written, not what was made of it: a new spelling in program.yaml makes no old response new."""
    told = ", ".join([text for name, text in written.items() if name != VERIFIED])
    return hashlib.sha256(f"[{json.dumps(form)}, [{told}]]".encode()).hexdigest()[:32]


def _list_written(item: _Field, cells: Sequence[_Cell]) -> str:
    """A field's part of the fingerprint: the JSON of its name and what its cells say; empty if nothing was written."""
    lines = [cell.line for cell in cells]
    if not any(lines):
        return ""
    if any(column.row for column in item.columns):
        # Rows of a grid may be added and moved.
        return json.dumps([item.name, sorted([cell.column.row, cell.line] for cell in cells if cell.line)])
    return f"{item.opening}{', '.join(map(encode_basestring_ascii, lines))}]]"
