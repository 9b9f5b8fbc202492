"""Responses in a forms workbook as a form leaves them there.

Belongs here: columns of a form's tab and how an answer is stored. Does not belong here: what an answer means
(`mentoring.responses`). The software itself only reads responses; these serve a new workbook and whoever
plays people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mentoring.form_headings import as_list
from mentoring.form_questions import ALL_ROWS
from tasks.workbook_cells import read_text, write_cell
from tasks.workbook_tabs import find_last_row, stretch_ranges

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell as WorkbookCell
    from openpyxl.worksheet.worksheet import Worksheet

    from mentoring.form_questions import Form

Answer = str | int | datetime

_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")


def list_questions(form: Form) -> list[str]:
    """The questions that the mapping names letter by letter, in its order, each once.

    Headings that it finds by a pattern or as a grid are the form's own.
    """
    asked = (question for entry in form.fields.values() for question in as_list(entry))
    return list(
        dict.fromkeys(text for text in asked if isinstance(text, str) and not text.endswith(ALL_ROWS))
    )


def append_responses(sheet: Worksheet, rows: Sequence[Mapping[str, Answer]]) -> None:
    """Append responses, answers by question; raise `ValueError` for an answer to no question."""
    from tasks.workbook_rows import fit_row, list_widths

    columns = {read_text(cell): cell.column for cell in sheet[1]}
    widths = list_widths(sheet)
    last = find_last_row(sheet)
    for number, row in enumerate(rows, start=last + 1):
        for question, answer in row.items():
            if question not in columns:
                raise ValueError(f"The tab {sheet.title} has no question {question}.")
            write_answer(sheet.cell(number, columns[question]), answer)
        fit_row(sheet, number, widths)
    if rows:
        stretch_ranges(sheet, last, last + len(rows))


def write_answer(cell: WorkbookCell, answer: Answer) -> bool:
    """Put an answer into a cell as a form does: a time stamp as a time, everything else as it was typed."""
    from openpyxl.styles import Alignment

    cell.alignment = Alignment(vertical="top", wrap_text=True)
    if isinstance(answer, str) and _TIMESTAMP.fullmatch(answer):
        answer = datetime.fromisoformat(answer)
    if not isinstance(answer, datetime):
        return write_cell(cell, answer)
    cell.value = answer
    cell.number_format = "yyyy-mm-dd hh:mm:ss"
    return True
