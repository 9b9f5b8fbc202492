"""Cells of a Google spreadsheet: what a person or a call enters, what the cell keeps, how it reads.

Belongs here: one cell. Does not belong here: where it lies (`stand_ins.google_grid`).

What people type is read as far as mentoring programs need it: numbers, per cent, amounts of money, TRUE and FALSE,
dates and times of the locales `en_US` (month first) and all others (day first), formulas. Formulas are kept as
text; of their results the stand-in knows numbers, sums of numbers, texts, HYPERLINK's label and references to one
cell of the same tab. Every other formula reads `#NAME?`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

Scalar = bool | int | float | str | None
EPOCH = datetime(1899, 12, 30)
CELL_LIMIT = 50_000


@dataclass(frozen=True)
class Formula:
    """A formula as entered, with its `=`."""

    text: str


class Cell(NamedTuple):
    """What one cell keeps. `entered` is None in an empty cell; `format` and `rule` are Google's own values."""

    entered: Scalar | Formula = None
    note: str = ""
    rule: Mapping[str, Any] | None = None
    format: Mapping[str, Any] | None = None


BLANK = Cell()

_TIMES = {
    "DATE": {"en_US": "M/d/yyyy", "": "dd/mm/yyyy"},
    "TIME": {"en_US": "h:mm:ss am/pm", "": "hh:mm:ss"},
    "DATE_TIME": {"en_US": "M/d/yyyy H:mm:ss", "": "dd/mm/yyyy hh:mm:ss"},
}
_COMMA_LOCALES = ("de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "fi", "ru", "tr")


def keep(value: Any, locale: str, format: Mapping[str, Any] | None = None) -> Cell:
    """A cell with a value as the sheet keeps it: dates and times become serial numbers with a format."""
    if isinstance(value, datetime):
        kind, number = "DATE_TIME", to_serial(value)
    elif isinstance(value, date):
        kind, number = "DATE", to_serial(value)
    elif isinstance(value, time):
        kind, number = "TIME", to_serial(datetime.combine(EPOCH, value))
    else:
        return enter_raw(Cell(format=format), value)
    return Cell(_shorten(number), format=_number_format(kind, _default_pattern(kind, locale), format))


def _default_pattern(kind: str, locale: str) -> str:
    return _TIMES[kind].get(locale, _TIMES[kind][""])


def to_serial(moment: date | datetime) -> float:
    """Days since 30 December 1899, with the time of day as a fraction."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return (moment - EPOCH) / timedelta(days=1)


def _number_format(kind: str, pattern: str, format: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {**(format or {}), "numberFormat": {"type": kind, "pattern": pattern}}


def enter_raw(cell: Cell, value: Scalar) -> Cell:
    """The cell after a call wrote a value RAW: as it is, an empty text empties it, numbers are doubles."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = _shorten(value)
    return cell._replace(entered=None if value == "" else value)


def enter_typed(cell: Cell, value: Scalar, locale: str) -> Cell:
    """The cell after a person typed a value, or a call wrote it USER_ENTERED."""
    if not isinstance(value, str):
        return enter_raw(cell, value)
    if value == "":
        return cell._replace(entered=None)
    if _kind(cell.format) == "TEXT":
        return cell._replace(entered=value)
    if value.startswith("'"):
        return cell._replace(entered=value[1:] or None)
    if value.startswith("=") and len(value) > 1:
        return cell._replace(entered=Formula(value))
    found = _read_typed(value.strip(), locale)
    if found is None:
        return cell._replace(entered=value)
    entered, kind, pattern = found
    if kind and _kind(cell.format) in ("", "AUTOMATIC", "NUMBER"):
        return cell._replace(entered=entered, format=_number_format(kind, pattern, cell.format))
    return cell._replace(entered=entered)


def _read_typed(text: str, locale: str) -> tuple[Scalar, str, str] | None:
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE", "", ""
    return _read_number(text, locale) or _read_moment(text, locale)


def _read_number(text: str, locale: str) -> tuple[Scalar, str, str] | None:
    if locale.startswith(_COMMA_LOCALES):
        text = text.translate(str.maketrans(",.", ".,"))
    found = re.fullmatch(
        r"(?P<sign>[+-]?)(?P<money>\$?)(?P<digits>\d{1,3}(,\d{3})+|\d+|(?=\.))(?P<rest>(\.\d*)?(e[+-]?\d+)?)(?P<cent>%?)",
        text,
        re.IGNORECASE,
    )
    if not found or not re.search(r"\d", text):
        return None
    digits = found["sign"] + found["digits"].replace(",", "") + found["rest"]
    number: float = float(digits) if found["rest"] else int(digits)
    if found["cent"]:
        return number / 100, "PERCENT", "0%" if not found["rest"] else "0.00%"
    if found["money"]:
        return number, "CURRENCY", '"$"#,##0' if not found["rest"] else '"$"#,##0.00'
    if "e" in found["rest"].lower():
        return number, "SCIENTIFIC", "0.00E+00"
    if "," in found["digits"]:
        return number, "NUMBER", "#,##0" if not found["rest"] else "#,##0.00"
    return _shorten(number), "", ""


def _shorten(number: float) -> float:
    """The number as a double, written without a fraction if it has none."""
    if isinstance(number, int) and abs(number) < 2**53:
        return number
    number = float(number)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(:(?P<second>\d{2}))?(?P<half> ?[ap]m)?"
_MONTHS = tuple(f"{date(2000, number, 1):%B}".lower() for number in range(1, 13))
_MONTH = rf"(?P<month>{'|'.join(f'{name[:3]}({name[3:]})?' for name in _MONTHS)})"
# (how a day is written, the format that it gets, or "" for the locale's)
_DAYS = (
    (r"(?P<year>\d{4})[-/](?P<m>\d{1,2})[-/](?P<day>\d{1,2})", "yyyy-mm-dd"),
    (r"(?P<year>\d{4})-(?P<m>\d{2})", "yyyy-mm"),
    (r"(?P<a>\d{1,2})[/.-](?P<b>\d{1,2})[/.-](?P<year>\d{4}|\d{2})", ""),
    (rf"{_MONTH}\.? (?P<day>\d{{1,2}}),? (?P<year>\d{{4}})", "mmmm d, yyyy"),
    (rf"(?P<day>\d{{1,2}})[ -]{_MONTH}[ -](?P<year>\d{{4}})", "d mmmm yyyy"),
    (rf"{_MONTH} (?P<year>\d{{4}})", "mmmm yyyy"),
)


def _read_moment(text: str, locale: str) -> tuple[Scalar, str, str] | None:
    for written, pattern in _DAYS:
        if found := re.fullmatch(rf"{written}([ T]{_CLOCK})?", text, re.IGNORECASE):
            return _read_found_moment(found.groupdict(), pattern, locale)
    found = re.fullmatch(_CLOCK, text, re.IGNORECASE)
    return _read_found_moment(found.groupdict(), "", locale) if found else None


def _read_found_moment(
    parts: Mapping[str, str | None], pattern: str, locale: str
) -> tuple[Scalar, str, str] | None:
    try:
        day = _read_day(parts, locale)
        clock = _read_clock(parts)
    except ValueError:
        return None
    kind = "TIME" if day is None else "DATE" if clock is None else "DATE_TIME"
    serial = to_serial(datetime.combine(day or EPOCH.date(), clock or time()))
    pattern = pattern if kind == "DATE" and pattern else _default_pattern(kind, locale)
    return _shorten(serial), kind, pattern


def _read_day(parts: Mapping[str, str | None], locale: str) -> date | None:
    if not parts.get("year"):
        return None
    year = int(parts["year"] or 0)
    year += 0 if year > 99 else 2000 if year < 30 else 1900
    if parts.get("a"):
        first, second = int(parts["a"] or 0), int(parts["b"] or 0)
        return date(year, first, second) if locale == "en_US" else date(year, second, first)
    name = (parts.get("month") or "").lower()
    month = 1 + [known[:3] for known in _MONTHS].index(name[:3]) if name else int(parts.get("m") or 0)
    return date(year, month, int(parts.get("day") or 1))


def _read_clock(parts: Mapping[str, str | None]) -> time | None:
    if not parts["hour"]:
        return None
    hour = int(parts["hour"])
    if half := (parts["half"] or "").strip().lower():
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, int(parts["minute"] or 0), int(parts["second"] or 0))


def compute(cell: Cell, look_up: Any = None) -> Scalar:
    """The effective value: a formula's result as far as it is known, an error as its text."""
    if not isinstance(cell.entered, Formula):
        return cell.entered
    text = cell.entered.text[1:].strip()
    if label := re.fullmatch(r'HYPERLINK\(\s*"[^"]*"\s*[,;]\s*"((?:[^"]|"")*)"\s*\)', text, re.IGNORECASE):
        return label[1].replace('""', '"')
    if quoted := re.fullmatch(r'"((?:[^"]|"")*)"', text):
        return quoted[1].replace('""', '"')
    if re.fullmatch(r"\$?[A-Za-z]{1,3}\$?[1-9]\d*", text) and look_up is not None:
        found: Scalar = look_up(text.replace("$", "").upper())
        return 0 if found is None else found
    if re.fullmatch(r"[\d.eE+\-*/() ]+", text):
        return _calculate(text)
    return "#NAME?"


def _calculate(text: str) -> Scalar:
    operations: dict[type, Any] = {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
        ast.Div: lambda a, b: a / b,
    }

    def walk(node: ast.expr) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            return walk(node.operand) * (-1 if isinstance(node.op, ast.USub) else 1)
        if isinstance(node, ast.BinOp) and type(node.op) in operations:
            result: float = operations[type(node.op)](walk(node.left), walk(node.right))
            return result
        raise SyntaxError(text)

    try:
        return _shorten(walk(ast.parse(text, mode="eval").body))
    except ZeroDivisionError:
        return "#DIV/0!"
    except SyntaxError:
        return "#ERROR!"


def _kind(format: Mapping[str, Any] | None) -> str:
    return str((format or {}).get("numberFormat", {}).get("type", ""))


def show(value: Scalar, format: Mapping[str, Any] | None, locale: str) -> str:
    """The effective value as people see it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return value
    described = (format or {}).get("numberFormat", {})
    kind, pattern = described.get("type", ""), described.get("pattern", "")
    if kind in _TIMES:
        return _show_moment(value, pattern or _default_pattern(kind, locale))
    text = _show_number(value, kind, pattern)
    return text.translate(str.maketrans(",.", ".,")) if locale.startswith(_COMMA_LOCALES) else text


def _show_number(value: float, kind: str, pattern: str) -> str:
    places = len(found[1]) if (found := re.search(r"\.(0+)", pattern)) else 0
    if kind == "PERCENT":
        return f"{value * 100:.{places}f}%"
    if kind == "SCIENTIFIC":
        return f"{value:.2E}"
    if pattern and kind != "TEXT":
        number = f"{value:,.{places}f}" if "," in pattern else f"{value:.{places}f}"
        return f"${number}" if "$" in pattern else number
    return str(value) if isinstance(value, int) else f"{value:.10g}".replace("e", "E")


_LETTERS = re.compile(r"am/pm|a/p|y+|M+|m+|d+|h+|H+|s+|\"[^\"]*\"|\\.|.")


def _show_moment(serial: float, pattern: str) -> str:
    moment = EPOCH + timedelta(seconds=round(serial * 86_400))
    pieces = _LETTERS.findall(pattern)
    half = any(piece in ("am/pm", "a/p") for piece in pieces)
    shown, after_hour = [], False
    for piece in pieces:
        letter = piece[0].lower()
        if piece in ("am/pm", "a/p"):
            shown.append(moment.strftime("%p")[: 2 if piece == "am/pm" else 1])
        elif letter == "y":
            shown.append(f"{moment.year:04d}" if len(piece) > 2 else f"{moment.year % 100:02d}")
        elif letter == "m":
            shown.append(_show_month_or_minute(moment, piece, minute=after_hour and piece[0] == "m"))
        elif letter == "d":
            number = f"{moment.day:0{len(piece)}d}"
            shown.append(number if len(piece) < 3 else moment.strftime("%a" if len(piece) == 3 else "%A"))
        elif letter == "h":
            hour = (moment.hour % 12 or 12) if half else moment.hour
            shown.append(f"{hour:0{min(2, len(piece))}d}")
        elif letter == "s":
            shown.append(f"{moment.second:0{min(2, len(piece))}d}")
        else:
            shown.append(piece.strip('"') if piece[0] == '"' else piece.lstrip("\\"))
        after_hour = (after_hour and not letter.isalpha()) or letter == "h"
    return "".join(shown)


def _show_month_or_minute(moment: datetime, piece: str, *, minute: bool) -> str:
    if minute:
        return f"{moment.minute:0{min(2, len(piece))}d}"
    if len(piece) > 2:
        return moment.strftime("%b" if len(piece) == 3 else "%B")
    return f"{moment.month:0{len(piece)}d}"
