"""Requests of `spreadsheets.batchUpdate` about protection, filters and conditional formats.

Belongs here: what they change and what of it Google refuses. Does not belong here: whom a protection keeps out
(`google_protection`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .google_books import Spreadsheet, resolve
from .google_grid import to_grid_range
from .google_hands import Tab
from .google_masks import merge_by_mask, read_mask
from .google_overview import describe_protection
from .google_protection import may_edit
from .google_schema import RefusalError

Request = Mapping[str, Any]
Reply = dict[str, Any] | None


def _find_protection(book: Spreadsheet, number: int) -> tuple[Tab, dict[str, Any]]:
    for tab in book.tabs:
        for item in tab.protected:
            if item["protectedRangeId"] == number:
                return tab, item
    raise RefusalError(f"No protected range with ID: {number}")


def add_protected_range(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`addProtectedRange`."""
    item = dict(request.get("protectedRange", {}))
    if "range" not in item:
        raise RefusalError("A protected range needs a range.")
    tab = book.find(item["range"].get("sheetId", 0))
    resolve(tab, item["range"])
    if item.get("warningOnly") and item.get("editors"):
        raise RefusalError("Editors can't be set on a protected range that only warns.")
    item.setdefault("protectedRangeId", 100_000 + book.take_id())
    if not item.get("warningOnly"):
        # Whoever protects stays an editor; the owner, who is nobody's caller here, always is.
        editors = dict(item.get("editors", {}))
        item["editors"] = {**editors, "users": sorted({*editors.get("users", []), who})}
    item.pop("requestingUserCanEdit", None)
    tab.protected.append(item)
    return {"protectedRange": describe_protection(item, who)}


def update_protected_range(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`updateProtectedRange`."""
    mask = read_mask(request, "ProtectedRange")
    wanted = request.get("protectedRange", {})
    tab, item = _find_protection(book, wanted.get("protectedRangeId", 0))
    if not may_edit(item, who):
        raise RefusalError("You are trying to edit a protected cell or object.")
    merged = merge_by_mask(mask, item, wanted)
    merged["protectedRangeId"] = item["protectedRangeId"]
    merged.pop("requestingUserCanEdit", None)
    if merged.get("warningOnly") and "users" in merged.get("editors", {}):
        merged.pop("editors")
    resolve(tab, merged.get("range", {}))
    item.clear()
    item.update(merged)
    return None


def delete_protected_range(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`deleteProtectedRange`."""
    tab, item = _find_protection(book, request.get("protectedRangeId", 0))
    if not may_edit(item, who):
        raise RefusalError("You are trying to edit a protected cell or object.")
    tab.protected.remove(item)
    return None


def add_conditional_format(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`addConditionalFormatRule`."""
    rule = dict(request.get("rule", {}))
    if not rule.get("ranges"):
        raise RefusalError("A conditional format needs ranges.")
    if ("booleanRule" in rule) == ("gradientRule" in rule):
        raise RefusalError("A conditional format needs exactly one rule.")
    tabs = {held.get("sheetId", 0) for held in rule["ranges"]}
    if len(tabs) != 1:
        raise RefusalError("All ranges of a conditional format must be on the same sheet.")
    tab = book.find(tabs.pop())
    for held in rule["ranges"]:
        resolve(tab, held)
    index = request.get("index", 0)
    if index > len(tab.conditional):
        raise RefusalError(f"No conditional format on sheet: {tab.id} at index: {index}")
    tab.conditional.insert(index, rule)
    return None


def delete_conditional_format(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`deleteConditionalFormatRule`."""
    tab, index = book.find(request.get("sheetId", 0)), request.get("index", 0)
    if index >= len(tab.conditional):
        raise RefusalError(f"No conditional format on sheet: {tab.id} at index: {index}")
    return {"rule": tab.conditional.pop(index)}


def set_basic_filter(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`setBasicFilter`."""
    wanted = dict(request.get("filter", {}))
    tab = book.find(wanted.get("range", {}).get("sheetId", 0))
    area = resolve(tab, wanted.get("range", {}))
    tab.filter = {**wanted, "range": to_grid_range(tab, area)}
    return None


def clear_basic_filter(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`clearBasicFilter`."""
    book.find(request.get("sheetId", 0)).filter = None
    return None
