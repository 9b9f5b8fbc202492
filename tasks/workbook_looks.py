"""How workbooks look: colours that tell whose a column is, widths, dropdowns, notes, the first tab.

Belongs here: everything about a tab that is not a value. Does not belong here: rows and keys
(`tasks.workbook_tabs`, `tasks.workbook_updates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from mentoring.desk import Column, Tab
from mentoring.desk_looks import (
    INK,
    LINK,
    MACHINE,
    PEOPLE,
    READ_ME,
    READ_ME_TITLE,
    SENTENCES,
    Colours,
    choose_colours,
    choose_tab_colour,
    describe_choices,
    list_tab_guide,
)

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell.cell import Cell as WorkbookCell
    from openpyxl.styles import Font
    from openpyxl.worksheet.dimensions import ColumnDimension
    from openpyxl.worksheet.worksheet import Worksheet

LAST_ROW = 1_048_576


_CLOSING = (
    "Save and close the workbook when you are done, since the software can't write while another program "
    "has it open."
)


def build_tab(sheet: Worksheet, tab: Tab) -> None:
    """Lay out a blank tab: headings with notes, widths, colours, dropdowns, frozen first row, filter."""
    # A tab that somebody emptied keeps its dropdowns.
    sheet.data_validations.dataValidation = []
    for number, column in enumerate(tab.columns, start=1):
        build_column(sheet, number, column)
    sheet.sheet_properties.tabColor = choose_tab_colour(tab)
    _finish_tab(sheet, len(tab.columns))


def build_form_tab(sheet: Worksheet, headings: Sequence[str]) -> None:
    """Lay out a blank tab of form responses: headings and readable widths, no colours of ownership."""
    for number, heading in enumerate(headings, start=1):
        width = 20 if number == 1 else min(46, max(18, len(heading) // 2 + 6))
        build_column(sheet, number, Column(heading, width=width))
    _finish_tab(sheet, len(headings))


def _finish_tab(sheet: Worksheet, columns: int) -> None:
    from openpyxl.utils import get_column_letter

    from tasks.workbook_rows import fit_row, list_widths

    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(columns)}1"
    sheet.print_title_rows = "1:1"
    fit_row(sheet, 1, list_widths(sheet))
    _fit_page(sheet)


def _fit_page(sheet: Worksheet) -> None:
    """Print the whole width on one page, however many pages long."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def build_column(sheet: Worksheet, number: int, column: Column) -> None:
    """Lay out one column: its heading with note, its width, the look of its cells, its dropdown."""
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    colours = choose_colours(column)
    heading = sheet.cell(1, number)
    heading.value = column.heading
    heading.data_type = "s"
    _style_cell(heading, colours)
    heading.font = _write_font()
    heading.fill = PatternFill("solid", start_color=colours.heading)
    if column.note:
        heading.comment = Comment(column.note, "mentoring")
        fit_notes([heading])
    dimension = _own_dimension(sheet, number)
    dimension.width = column.width + 2
    _style_cell(dimension, colours)
    if column.choices:
        _add_dropdown(sheet, dimension.index, column)


def _write_font(bold: bool = True, size: int = 11, color: str = INK, underline: str | None = None) -> Font:
    from openpyxl.styles import Font

    # Without a name, programs fall back to whatever font comes first.
    return Font(name="Calibri", bold=bold, size=size, color=color, underline=underline)


def style_new_cell(cell: WorkbookCell, people: bool) -> None:
    """Give a cell of an appended row the look of its column, unless somebody gave it one already."""
    if cell.has_style:
        return
    group = _find_group(cell.parent, cell.column)
    if group is not None and group.has_style:
        cell._style = copy(group._style)
    else:
        _style_cell(cell, PEOPLE if people else MACHINE)


def _style_cell(cell: WorkbookCell | ColumnDimension, colours: Colours) -> None:
    from openpyxl.styles import Alignment, Border, PatternFill, Side

    side = Side("thin", color=colours.line)
    cell.alignment = Alignment(horizontal="left", vertical="top", wrap_text=True)
    cell.border = Border(left=side, right=side, top=side, bottom=side)
    if colours.body:
        cell.fill = PatternFill("solid", start_color=colours.body)


def fit_notes(cells: Iterable[Any]) -> None:
    """Make each note as large as its text: openpyxl forgets the sizes of notes when it loads them."""
    for cell in cells:
        if cell.comment is not None:
            lines = sum(len(line) // 38 + 1 for line in cell.comment.text.splitlines() or [""])
            cell.comment.width = 260
            cell.comment.height = 22 + 18 * lines


def _find_group(sheet: Worksheet, number: int) -> ColumnDimension | None:
    """The columns of one width and look, as programs save them, to which this column belongs."""
    from openpyxl.utils import get_column_letter

    letter = get_column_letter(number)
    if letter in sheet.column_dimensions:
        return sheet.column_dimensions[letter]
    groups = (group for group in sheet.column_dimensions.values() if group.min and group.max)
    return next((group for group in groups if group.min <= number <= group.max), None)


def _own_dimension(sheet: Worksheet, number: int) -> ColumnDimension:
    """Return the column's own dimension, cut out of its group: Excel repairs files whose groups overlap."""
    from openpyxl.utils import get_column_letter

    group = _find_group(sheet, number)
    if group is not None and group.min and group.max:
        for start, end in ((group.min, number - 1), (number, number), (number + 1, group.max)):
            if start <= end:
                part = copy(group)
                part.index, part.min, part.max = get_column_letter(start), start, end
                sheet.column_dimensions[part.index] = part
    return sheet.column_dimensions[get_column_letter(number)]


def _add_dropdown(sheet: Worksheet, letter: str, column: Column) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    dropdown = DataValidation(
        type="list",
        formula1='"' + ",".join(column.choices) + '"',
        allow_blank=True,
        errorTitle=column.heading,
        error=describe_choices(column),
        showErrorMessage=True,
    )
    dropdown.add(f"{letter}2:{letter}{LAST_ROW}")
    sheet.add_data_validation(dropdown)


def build_read_me(workbook: Workbook, tabs: Iterable[Tab]) -> None:
    """Make the first tab: what the colours mean, who writes what, and where on which tab."""
    from openpyxl.styles import Alignment, PatternFill

    sheet = workbook.create_sheet(READ_ME, 0)
    sheet.sheet_view.showGridLines = False
    _fit_page(sheet)
    for letter, width in (("A", 3), ("B", 22), ("C", 84)):
        sheet.column_dimensions[letter].width = width
    sheet["B1"].value = READ_ME_TITLE
    sheet["B1"].font = _write_font(size=18)
    sheet.row_dimensions[1].height = 34
    sentences = (*SENTENCES, _CLOSING)
    for row, sentence in enumerate(sentences, start=2):
        sheet.merge_cells(start_row=row, end_row=row, start_column=2, end_column=3)
        cell = sheet.cell(row, 2)
        cell.value = sentence
        cell.alignment = Alignment(vertical="top", wrap_text=True)
        # Programs don't fit the height of merged cells by themselves.
        sheet.row_dimensions[row].height = 19 * (len(sentence) // 120 + 1)
    start = len(sentences) + 3
    for row, (tab, words, colours) in enumerate(list_tab_guide(tabs), start=start + 1):
        name, what = sheet.cell(row, 2), sheet.cell(row, 3)
        name.value, what.value = tab, words
        name.hyperlink = f"#'{tab}'!A1"
        name.font = _write_font(bold=False, color=LINK, underline="single")
        _style_cell(name, MACHINE)
        _style_cell(what, colours)
    for number, text, colours in ((2, "Tab", MACHINE), (3, "You write in", PEOPLE)):
        cell = sheet.cell(start, number)
        cell.value = text
        _style_cell(cell, colours)
        cell.font = _write_font()
        cell.fill = PatternFill("solid", start_color=colours.heading)
