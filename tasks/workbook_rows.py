"""Heights of rows: high enough for their text, and free to grow when people type more.

Belongs here: what openpyxl gets wrong about heights. Import it inside functions only: it imports openpyxl.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from math import ceil
from unicodedata import east_asian_width

from openpyxl import Workbook
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet.dimensions import RowDimension
from openpyxl.worksheet.worksheet import Worksheet

from tasks.workbook_cells import read_text

#: Points that a line of text needs at the usual size of 11 points.
LINE_HEIGHT = 15.0
#: The highest row that Excel keeps.
HIGHEST = 409.0
USUAL_WIDTH = 8.43

_ROW = re.compile(rb"<(?:\w+:)?row\s([^>]*)>")
_NUMBER = re.compile(rb'\br="(\d+)"')
_HEIGHT = re.compile(rb'\bht="')
_SET_BY_HAND = re.compile(rb'\bcustomHeight="(?:1|true)"')


class FreeRow(RowDimension):  # type: ignore[misc]
    """A row whose height a program worked out and may work out anew; openpyxl knows heights set by hand."""

    @property
    def customHeight(self) -> bool:  # noqa: N802 - openpyxl writes the attribute by this name
        """Never set by hand."""
        return False


def free_rows(workbook: Workbook, content: bytes) -> None:
    """Mark the rows of a loaded workbook whose height nobody set by hand, which openpyxl forgets.

    `content` is the file that the workbook was loaded from.
    """
    reader = ExcelReader(BytesIO(content))
    with reader.archive as archive:
        reader.read_manifest()
        reader.read_workbook()
        for sheet, relation in reader.parser.find_sheets():
            if sheet.name not in workbook.sheetnames or "worksheet" not in relation.Type:
                continue
            rows = workbook[sheet.name].row_dimensions
            for attributes in _ROW.findall(archive.read(relation.target)):
                number = _NUMBER.search(attributes)
                if number and _HEIGHT.search(attributes) and not _SET_BY_HAND.search(attributes):
                    # Keeps whatever else openpyxl read of the row.
                    rows[int(number[1])].__class__ = FreeRow


def fit_row(sheet: Worksheet, number: int, widths: Mapping[int, float]) -> None:
    """Make a row as high as its wrapped text needs, unless somebody set its height by hand.

    Programs work heights out only when somebody edits, so that a row written by us would show one line. The
    estimate counts characters per line, wide ones twice. `widths` comes from `list_widths`.
    """
    row = sheet.row_dimensions[number]
    if row.height is not None and not isinstance(row, FreeRow):
        return
    lines = 1
    for column, width in widths.items():
        cell = sheet._cells.get((number, column))
        if cell is not None and cell.value is not None and cell.alignment.wrap_text:
            lines = max(lines, count_lines(read_text(cell), width))
    row.__class__ = FreeRow
    row.height = min(HIGHEST, 2 + LINE_HEIGHT * lines)


def count_lines(text: str, width: float) -> int:
    """Lines that the text takes in a column of this width in characters, at least 1."""
    return sum(max(1, ceil(_measure(line) / max(1.0, width - 1))) for line in text.split("\n"))


def _measure(line: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in line)


def list_widths(sheet: Worksheet) -> dict[int, float]:
    """Width of each column that says anything, in characters, by its number."""
    widths = dict.fromkeys({column for _, column in sheet._cells}, USUAL_WIDTH)
    for letter, column in sheet.column_dimensions.items():
        first = column.min or column_index_from_string(letter)
        # What is beyond the last column is saved as one group of thousands.
        for number in range(first, min(column.max or first, first + len(widths)) + 1):
            if number in widths:
                widths[number] = column.width
    return widths
