"""Pictures of the pages beside the desk: the match review and the handover, as a committee sees them first.

They stand in `docs/committee-guide.md` and are taken with those of the desk (`desk_pictures`), from the same sample year.
Belongs here: which part of which page. Does not belong here: what must hold of the pages.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COLOURS = 64


@dataclass(frozen=True)
class PageShot:
    """A page by its file's name on an evening (a day, or “9999-12-31” for the end), from the top of one element on."""

    picture: str
    page: str
    evening: str
    start: str
    height: int
    width: int = 1000


PAGES = (
    PageShot("page-match-review.png", "match-review-2027.html", "2027-02-23", "article", 951),
    PageShot("page-match-map.png", "match-review-2027.html", "2027-02-23", "#map", 554),
    PageShot("page-handover.png", "handover-2027.html", "9999-12-31", "body", 839),
    PageShot("page-handover-decisions.png", "handover-2027.html", "9999-12-31", "#decisions", 557),
)


def take_page_pictures(page: Any, kept: Path, folder: Path, shots: Sequence[PageShot] = PAGES) -> None:
    """Each page of the evenings in `kept` as a PNG in `folder`."""
    from PIL import Image

    for shot in shots:
        page.set_viewport_size({"width": shot.width, "height": 800})
        page.goto((kept / f"{shot.evening}-{shot.page}").as_uri())
        top = page.locator(shot.start).first.evaluate("each => each.getBoundingClientRect().top + scrollY")
        part = {"x": 0, "y": max(0, top - 12), "width": shot.width, "height": shot.height}
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=part))).convert("RGB")
        picture.quantize(_COLOURS).save(folder / shot.picture, "PNG", optimize=True)
