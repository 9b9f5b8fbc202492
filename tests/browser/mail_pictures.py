"""`python -m tests.browser.mail_pictures [FOLDER]`: a picture of every kind of mail, on a computer and on a telephone.

They stand in `docs/messages.md`, and are to be looked at and renewed when a template or the page around it changes.
Belongs here: taking them. Does not belong here: what must hold of a page (`test_mails`).
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMPUTER, TELEPHONE, GAP = 680, 390, 24
#: Few colours make small files, and a mail has few.
_COLOURS = 48
_GROUND = "#8fa3a0"


def list_pictures() -> dict[str, tuple[str, dict[str, Any]]]:
    """Kind and facts of each picture by its file's name: every kind, and an introduction after a rematch."""
    from message_facts import COMMON, FACTS

    from mentoring.digest import COMMITTEE_NAME

    again = {**FACTS["introduction_mentee"], "rematch": True}
    pictures = {kind: (kind, {**COMMON, **facts}) for kind, facts in FACTS.items()}
    pictures["committee_digest"][1]["recipient"] = {"name": COMMITTEE_NAME}
    pictures["introduction_rematch"] = ("introduction_mentee", {**COMMON, **again})
    return {f"mail-{name.replace('_', '-')}.png": picture for name, picture in pictures.items()}


def take_picture(page: Any, html: str) -> bytes:
    """The page at both widths, side by side, as PNG."""
    from PIL import Image

    shots = []
    for width in (COMPUTER, TELEPHONE):
        page.set_viewport_size({"width": width, "height": 100})
        page.set_content(html)
        shots.append(Image.open(io.BytesIO(page.screenshot(full_page=True))))
    height = max(shot.height for shot in shots)
    picture = Image.new("RGB", (COMPUTER + GAP + TELEPHONE, height), _GROUND)
    picture.paste(shots[0], (0, 0))
    picture.paste(shots[1], (COMPUTER + GAP, 0))
    written = io.BytesIO()
    picture.quantize(_COLOURS).save(written, "PNG", optimize=True)
    return written.getvalue()


def main(arguments: list[str]) -> int:
    """Take every picture."""
    sys.path.insert(0, str(ROOT / "tests" / "unit"))
    from playwright.sync_api import sync_playwright

    from mentoring.messages import render_message

    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "pictures"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )
        page = browser.new_page()
        for name, (kind, facts) in list_pictures().items():
            (folder / name).write_bytes(take_picture(page, render_message(kind, facts).html))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
