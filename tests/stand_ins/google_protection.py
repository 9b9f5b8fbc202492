"""Protected ranges: which of them keep a caller out.

Belongs here: whether somebody may write into an area. Does not belong here: who may see a spreadsheet at all.
"""

from __future__ import annotations

from .google_addresses import Area
from .google_books import resolve
from .google_hands import Tab
from .google_schema import RefusalError


def may_edit(item: dict[str, object], who: str) -> bool:
    """Whether the protection lets this address write; protection that only warns lets everybody."""
    editors = item.get("editors") or {}
    assert isinstance(editors, dict)
    return bool(item.get("warningOnly")) or who in editors.get("users", [])


def require_open(tab: Tab, area: Area, who: str) -> None:
    """Raises `RefusalError` if a protected range of the tab keeps this address out of the area."""
    for item in tab.protected:
        if may_edit(item, who) or not resolve(tab, item.get("range", {})).meets(area):
            continue
        if any(_covers(resolve(tab, free), area) for free in item.get("unprotectedRanges", [])):
            continue
        raise RefusalError(
            "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove "
            "protection if you need to edit."
        )


def _covers(outer: Area, inner: Area) -> bool:
    return (
        outer.top <= inner.top
        and outer.left <= inner.left
        and outer.bottom >= inner.bottom
        and outer.right >= inner.right
    )
