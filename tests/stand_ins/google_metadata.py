"""Developer metadata, and the filters that find places by it.

Belongs here: `DataFilter`s, and the requests that make, change and remove metadata. It follows rows and columns that
move, are inserted or deleted. It does not follow sorting, which moves cells and not rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .google_addresses import Area
from .google_books import Spreadsheet, find_sheet_id, read_span, resolve
from .google_hands import Tab
from .google_masks import merge_by_mask, read_mask
from .google_schema import RefusalError

Request = Mapping[str, Any]


def find_places(book: Spreadsheet, wanted: Mapping[str, Any]) -> list[tuple[Tab, Area]]:
    """The areas that a `DataFilter` names, or whose developer metadata it describes."""
    if "a1Range" in wanted:
        return [book.parse(wanted["a1Range"])[:2]]
    if "gridRange" in wanted:
        tab = book.find(wanted["gridRange"].get("sheetId", 0))
        return [(tab, resolve(tab, wanted["gridRange"]))]
    places: list[tuple[Tab, Area]] = []
    for item in find_metadata(book, wanted.get("developerMetadataLookup", {})):
        sheet_id = find_sheet_id(item["location"])
        if sheet_id is None:
            places.extend((tab, tab.whole) for tab in book.tabs)
            continue
        tab = book.find(sheet_id)
        held = item["location"].get("dimensionRange")
        if held is None:
            places.append((tab, tab.whole))
        elif held["dimension"] == "ROWS":
            places.append((tab, Area(held["startIndex"], 0, held["endIndex"], tab.column_count)))
        else:
            places.append((tab, Area(0, held["startIndex"], tab.row_count, held["endIndex"])))
    return places


def find_metadata(book: Spreadsheet, lookup: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The spreadsheet's developer metadata that the lookup describes."""
    plain = ("metadataId", "metadataKey", "metadataValue", "visibility")
    found = [
        item
        for item in book.metadata
        if all(item.get(name) == lookup[name] for name in plain if name in lookup)
        and lookup.get("locationType", item["location"]["locationType"]) == item["location"]["locationType"]
    ]
    if "metadataLocation" in lookup:
        sheet_id = find_sheet_id(lookup["metadataLocation"])
        exact = lookup.get("locationMatchingStrategy") != "INTERSECTING_LOCATION"
        found = [
            item
            for item in found
            if (
                item["location"] == lookup["metadataLocation"]
                if exact
                else find_sheet_id(item["location"]) == sheet_id
            )
        ]
    return found


def create_metadata(book: Spreadsheet, request: Request, who: str) -> dict[str, Any]:
    """`createDeveloperMetadata`."""
    item = dict(request.get("developerMetadata", {}))
    if not item.get("metadataKey") or "visibility" not in item:
        raise RefusalError("Developer metadata needs a key and a visibility.")
    item["location"] = _read_location(book, item.get("location", {}))
    item.setdefault("metadataId", 500_000 + book.take_id())
    if any(other["metadataId"] == item["metadataId"] for other in book.metadata):
        raise RefusalError(f"Developer metadata with ID {item['metadataId']} already exists.")
    book.metadata.append(item)
    return {"developerMetadata": item}


def _read_location(book: Spreadsheet, wanted: Request) -> dict[str, Any]:
    location = {name: value for name, value in wanted.items() if name != "locationType"}
    if len(location) != 1:
        raise RefusalError("Developer metadata needs exactly one location.")
    if location.get("spreadsheet"):
        return {"locationType": "SPREADSHEET", **location}
    if "sheetId" in location:
        book.find(location["sheetId"])
        return {"locationType": "SHEET", **location}
    tab, dimension, start, end = read_span(book, location["dimensionRange"])
    if end - start != 1 or end > tab.count(dimension):
        raise RefusalError("Developer metadata may only be associated with a single row or column.")
    held = {"sheetId": tab.id, "dimension": dimension, "startIndex": start, "endIndex": end}
    return {"locationType": dimension[:-1], "dimensionRange": held}


def _list_described(book: Spreadsheet, filters: Sequence[Request]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for wanted in filters:
        if "developerMetadataLookup" in wanted:
            found.extend(find_metadata(book, wanted["developerMetadataLookup"]))
        else:
            places = [(tab.id, area) for tab, area in find_places(book, wanted)]
            found.extend(
                item
                for item in book.metadata
                if any(_lies_in(item, sheet_id, area) for sheet_id, area in places)
            )
    return found


def _lies_in(item: Request, sheet_id: int, area: Area) -> bool:
    held = item["location"].get("dimensionRange", {})
    if held.get("sheetId", 0) != sheet_id or not held:
        return False
    start, end = (area.top, area.bottom) if held["dimension"] == "ROWS" else (area.left, area.right)
    return bool(start <= held["startIndex"] < end)


def update_metadata(book: Spreadsheet, request: Request, who: str) -> dict[str, Any]:
    """`updateDeveloperMetadata`."""
    mask = read_mask(request, "DeveloperMetadata")
    found = _list_described(book, request.get("dataFilters", []))
    for item in found:
        merged = merge_by_mask(mask, item, request.get("developerMetadata"))
        merged["metadataId"] = item["metadataId"]
        merged["location"] = (
            _read_location(book, merged["location"])
            if "location" in mask or "*" in mask
            else item["location"]
        )
        item.clear()
        item.update(merged)
    return {"developerMetadata": found}


def delete_metadata(book: Spreadsheet, request: Request, who: str) -> dict[str, Any]:
    """`deleteDeveloperMetadata`."""
    found = _list_described(book, [request.get("dataFilter", {})])
    book.metadata = [item for item in book.metadata if item not in found]
    return {"deletedDeveloperMetadata": found}


def search_metadata(book: Spreadsheet, call: Mapping[str, Any], who: str) -> dict[str, Any]:
    """`spreadsheets.developerMetadata.search`."""
    found = [
        {"developerMetadata": item, "dataFilters": [wanted]}
        for wanted in call.get("dataFilters", [])
        for item in _list_described(book, [wanted])
    ]
    return {"matchedDeveloperMetadata": found} if found else {}
