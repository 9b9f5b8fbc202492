"""How the committee's desk is laid out at Google: requests for headings, notes, colours, dropdowns, widths, protection.

Belongs here: everything about a tab that is not a row. Does not belong here: when it is done (`tasks.google_setup`,
`tasks.google_updates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

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
from tasks.google_requests import Request, mark_column, name_range, write_value

#: Rows of a new tab, headings included; Google adds more as they fill.
NEW_ROWS = 200
#: Marks our protections, so that they are found again.
PROTECTION = "Written by the mentoring software"

_CLOSING = (
    "The software works on this spreadsheet while you do: nobody has to close it, and what you see is as new as its "
    "last run."
)


def _colour(rgb: str) -> dict[str, Any]:
    red, green, blue = (int(rgb[place : place + 2], 16) / 255 for place in (0, 2, 4))
    return {"rgbColor": {"red": round(red, 4), "green": round(green, 4), "blue": round(blue, 4)}}


def _format(colours: Colours, is_heading: bool = False, is_text: bool = False) -> dict[str, Any]:
    side = {"style": "SOLID", "colorStyle": _colour(colours.line)}
    fill = colours.heading if is_heading else colours.body
    look: dict[str, Any] = {
        "horizontalAlignment": "LEFT",
        "verticalAlignment": "TOP",
        "wrapStrategy": "WRAP",
        "borders": dict.fromkeys(("top", "bottom", "left", "right"), side),
    }
    if fill:
        look["backgroundColorStyle"] = _colour(fill)
    if is_heading:
        look["textFormat"] = {"bold": True, "foregroundColorStyle": _colour(INK)}
    if is_text:
        # What people type stays as they type it: 2027-03 a month, 007 no seven.
        look["numberFormat"] = {"type": "TEXT"}
    return look


def add_tab(sheet_id: int, title: str, columns: int, index: int, colour: str | None = None) -> Request:
    """A new blank tab with its first row frozen."""
    properties: dict[str, Any] = {
        "sheetId": sheet_id,
        "title": title,
        "index": index,
        "gridProperties": {"rowCount": NEW_ROWS, "columnCount": columns, "frozenRowCount": 1},
    }
    if colour:
        properties["tabColorStyle"] = _colour(colour)
    return {"addSheet": {"properties": properties}}


def lay_out_tab(sheet_id: int, tab: Tab) -> list[Request]:
    """Lay out a blank tab whose grid is large enough: every column, the colour, frozen headings, the filter."""
    properties = {
        "sheetId": sheet_id,
        "tabColorStyle": _colour(choose_tab_colour(tab)),
        "gridProperties": {"frozenRowCount": 1},
    }
    filter_range = name_range(sheet_id, (0, None), (0, len(tab.columns)))
    return [
        {
            "updateSheetProperties": {
                "properties": properties,
                "fields": "tabColorStyle,gridProperties.frozenRowCount",
            }
        },
        *(
            request
            for place, column in enumerate(tab.columns)
            for request in lay_out_column(sheet_id, place, column)
        ),
        {"setBasicFilter": {"filter": {"range": filter_range}}},
    ]


def lay_out_column(sheet_id: int, place: int, column: Column) -> list[Request]:
    """Lay out one column at `place`, counted from 0: heading, note, look, width, dropdown, mark, protection."""
    colours = choose_colours(column)
    heading: dict[str, Any] = {
        **write_value(column.heading),
        "userEnteredFormat": _format(colours, is_heading=True),
    }
    if column.note:
        heading["note"] = column.note
    columns = (place, place + 1)
    requests: list[Request] = [
        {
            "updateCells": {
                "range": name_range(sheet_id, (0, 1), columns),
                "rows": [{"values": [heading]}],
                "fields": "userEnteredValue,userEnteredFormat,note",
            }
        },
        *dress_rows(sheet_id, place, column, 1),
        set_width(sheet_id, place, column.width),
        mark_column(sheet_id, place),
    ]
    if column.owner == "machine":
        requests.append(protect_column(sheet_id, place))
    return requests


def dress_column(sheet_id: int, place: int, column: Column) -> list[Request]:
    """Give a column that has no looks at all its colours and width; what its cells say, offer and note stays."""
    columns = (place, place + 1)
    heading = {"userEnteredFormat": _format(choose_colours(column), is_heading=True)}
    return [
        {
            "repeatCell": {
                "range": name_range(sheet_id, (0, 1), columns),
                "cell": heading,
                "fields": "userEnteredFormat",
            }
        },
        _colour_rows(sheet_id, place, column, 1),
        set_width(sheet_id, place, column.width),
    ]


def dress_rows(sheet_id: int, place: int, column: Column, start: int) -> list[Request]:
    """Give the cells of a column their look and dropdown, from the row `start` to the end of the grid."""
    requests = [_colour_rows(sheet_id, place, column, start)]
    if column.choices:
        requests.append(offer_choices(name_range(sheet_id, (start, None), (place, place + 1)), column))
    return requests


def _colour_rows(sheet_id: int, place: int, column: Column, start: int) -> Request:
    area = name_range(sheet_id, (start, None), (place, place + 1))
    look = _format(choose_colours(column), is_text=column.owner == "people")
    return {"repeatCell": {"range": area, "cell": {"userEnteredFormat": look}, "fields": "userEnteredFormat"}}


def offer_choices(area: dict[str, int], column: Column) -> Request:
    """A dropdown; another word is refused with the choices, except where somebody pastes it."""
    rule = {
        "condition": {
            "type": "ONE_OF_LIST",
            "values": [{"userEnteredValue": choice} for choice in column.choices],
        },
        "inputMessage": describe_choices(column),
        "strict": True,
        "showCustomUi": True,
    }
    return {"setDataValidation": {"range": area, "rule": rule}}


def set_width(sheet_id: int, place: int, characters: int) -> Request:
    """A column's width for so many characters."""
    return {
        "updateDimensionProperties": {
            "range": {
                "sheetId": sheet_id,
                "dimension": "COLUMNS",
                "startIndex": place,
                "endIndex": place + 1,
            },
            "properties": {"pixelSize": 7 * characters + 16},
            "fields": "pixelSize",
        }
    }


def protect_column(sheet_id: int, place: int) -> Request:
    """Warn whoever types into a machine's column; nobody is locked out, sorting still works, nor are we."""
    protection = {
        "range": name_range(sheet_id, (0, None), (place, place + 1)),
        "description": PROTECTION,
        "warningOnly": True,
    }
    return {"addProtectedRange": {"protectedRange": protection}}


def note_heading(sheet_id: int, place: int, column: Column) -> Request:
    """Put the note on a heading that has none."""
    return {
        "updateCells": {
            "range": name_range(sheet_id, (0, 1), (place, place + 1)),
            "rows": [{"values": [{"note": column.note}]}],
            "fields": "note",
        }
    }


def build_read_me(sheet_id: int, tabs: Iterable[tuple[Tab, int]]) -> list[Request]:
    """Fill the first tab: what the colours mean, and who writes what on which tab (given with the tabs' ids)."""
    tabs = list(tabs)
    sentences = (*SENTENCES, _CLOSING)
    title = {
        **write_value(READ_ME_TITLE),
        "userEnteredFormat": {
            "textFormat": {"bold": True, "fontSize": 18, "foregroundColorStyle": _colour(INK)}
        },
    }
    top = [[title], *([_read_cell(sentence)] for sentence in sentences), []]
    header = [
        {**write_value(text), "userEnteredFormat": _format(colours, is_heading=True)}
        for text, colours in (("Tab", MACHINE), ("You write in", PEOPLE))
    ]
    guide = [
        [_link_cell(name, tab_id), {**write_value(words), "userEnteredFormat": _format(colours)}]
        for (name, words, colours), (_, tab_id) in zip(
            list_tab_guide(tab for tab, _ in tabs), tabs, strict=True
        )
    ]
    properties = {"sheetId": sheet_id, "gridProperties": {"hideGridlines": True, "frozenRowCount": 0}}
    return [
        {
            "updateSheetProperties": {
                "properties": properties,
                "fields": "gridProperties.hideGridlines,gridProperties.frozenRowCount",
            }
        },
        *_merge_lines(sheet_id, len(sentences)),
        {
            "updateCells": {
                "start": {"sheetId": sheet_id, "rowIndex": 0, "columnIndex": 1},
                "rows": [{"values": row} for row in (*top, header, *guide)],
                "fields": "userEnteredValue,userEnteredFormat",
            }
        },
        *(set_width(sheet_id, place, width) for place, width in ((0, 2), (1, 22), (2, 90))),
    ]


def _merge_lines(sheet_id: int, count: int) -> list[Request]:
    area = name_range(sheet_id, (1, 1 + count), (1, 3))
    return [{"mergeCells": {"range": area, "mergeType": "MERGE_ROWS"}}]


def _read_cell(text: str) -> dict[str, Any]:
    return {**write_value(text), "userEnteredFormat": {"wrapStrategy": "WRAP", "verticalAlignment": "TOP"}}


def _link_cell(name: str, sheet_id: int) -> dict[str, Any]:
    look = _format(MACHINE)
    look["textFormat"] = {
        "foregroundColorStyle": _colour(LINK),
        "underline": True,
        "link": {"uri": f"#gid={sheet_id}"},
    }
    return {**write_value(name), "userEnteredFormat": look}


def is_read_me(title: str) -> bool:
    """Whether a tab of this name is the explaining one."""
    return title.strip().casefold() == READ_ME.casefold()


def count_read_me_rows(tabs: Sequence[Tab]) -> int:
    """Rows that the explaining tab needs."""
    return len(SENTENCES) + len(tabs) + 6
