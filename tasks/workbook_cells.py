"""Cells of a workbook as text-safe values, and text back into cells where it stays text.

Belongs here: what a typed, formatted, merged or formula cell means as text, and how a value is stored so that
no program runs it. Does not belong here: which cell is meant (`tasks.workbook_tabs`) and files
(`tasks.workbook_files`).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mentoring.desk import Cell
from mentoring.formulas import acts_as_formula

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell as WorkbookCell

#: The most characters that Excel and LibreOffice keep in one cell.
LONGEST_TEXT = 32_767

# XML can't carry these; openpyxl raises on some of them and writes a broken file with others.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel stores a character that XML can't carry as _x000D_, and a text that looks like that as _x005F_x000D_.
_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff])_")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_SPACES = " \t\n\r\v\f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff\u200b" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_ALL_ZEROS = re.compile(r"0{2,}")
_TIME_PARTS = re.compile(r"[hs]|am/pm", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_HALF_A_SECOND = timedelta(milliseconds=500)


def read_text(cell: Any) -> str:
    """What the cell says, as trimmed text: numbers as typed, days as 2027-01-31, formulas as they are.

    `cell` is any cell of openpyxl, read-only and merged ones included. A time of day in a date's cell counts
    when the cell shows it or when it is not midnight.
    """
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return _write_number(value, cell.number_format or "")
    if isinstance(value, (datetime, date, time, timedelta)):
        return _write_moment(value, cell.number_format or "")
    # Array formulas are objects with a text, rich text is a list of parts.
    return trim(_unescape(str(getattr(value, "text", None) or value)))


def trim(text: str) -> str:
    """Return the text without spaces of any kind around it, the invisible ones of copied text included."""
    return text.strip(_SPACES)


def _unescape(text: str) -> str:
    if "_x" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _write_number(value: int | float, number_format: str) -> str:
    if isinstance(value, int):
        text = str(value)
    elif value.is_integer() and abs(value) < 1e15:
        text = str(int(value))
    else:
        text = format(Decimal(f"{value:.15g}"), "f")
    # A postcode is often a number with a format of zeros: 00000 shows 2139 as 02139.
    if _ALL_ZEROS.fullmatch(number_format) and text.isdigit():
        return text.zfill(len(number_format))
    return text


def _write_moment(value: datetime | date | time | timedelta, number_format: str) -> str:
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    if not isinstance(value, datetime):
        return value.isoformat()
    # Days are stored as fractions, which lose a few microseconds.
    moment = (value + _HALF_A_SECOND).replace(microsecond=0, tzinfo=None)
    if _shows_time(number_format) or moment.time() != time():
        return moment.isoformat(" ")
    return moment.date().isoformat()


# Asked for every date of a tab, of a few formats.
@lru_cache(maxsize=100)
def _shows_time(number_format: str) -> bool:
    return _TIME_PARTS.search(_QUOTED.sub("", number_format)) is not None


def make_storable(text: str) -> str:
    """Return the text as a cell can keep it: line feeds only, no control characters, not too long."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSTORABLE.sub("", lines)[:LONGEST_TEXT]


def write_cell(cell: WorkbookCell, value: Cell) -> bool:
    """Put a value into a cell unless it is there already; return whether the cell changed. Its looks stay.

    Text is stored as text, never as a formula, number, date or error; text that a program could take for
    a formula when somebody edits the cell is marked as well (`quotePrefix`: the apostrophe that people type).
    """
    if isinstance(value, int):
        if cell.data_type == "n" and cell.value == value and not isinstance(cell.value, bool):
            return False
        cell.value = value
        if cell.is_date:
            cell.number_format = "General"
        return True
    text = make_storable(value)
    stored = _LOOKS_ESCAPED.sub("_x005F_", text)[:LONGEST_TEXT]
    if not text:
        if cell.value in (None, ""):
            return False
        cell.value = None
        return True
    marked = acts_as_formula(text)
    is_text = cell.data_type in ("s", "inlineStr", "str")
    # The prefix may be missing only where it is not needed; one that is not needed does no harm.
    if is_text and _unescape(str(cell.value)) == _unescape(stored) and (not marked or bool(cell.quotePrefix)):
        return False
    cell.value = stored
    cell.data_type = "s"
    if marked:
        cell.quotePrefix = True
    return True
