"""`python -m tests.browser.desk_pictures [FOLDER]`: a picture of every tab of the desk, and of the pages beside it.

They stand in `docs/committee-guide.md`, and are to be renewed when a tab or its words change. The workbooks are those of
the sample year, which is lived for it (about a minute of one processor). Belongs here: taking the pictures. Does not
belong here: what must hold of the desk.
"""

from __future__ import annotations

import hashlib
import html
import io
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from deployments.demo import DemoYear
from mentoring.cohort import Cohort
from mentoring.desk import TABS, TabUpdate
from mentoring.desk_rows import list_message_rows
from tasks.local_workbooks import COMMITTEE
from tasks.reports import REPORT_FOLDER
from tasks.settings import load_settings
from tasks.sheets import open_sheets
from tests.browser.page_pictures import take_page_pictures

ROOT = Path(__file__).parents[2]
PIXELS_A_CHARACTER = 6.6
_COLOURS = 64
_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 14px; background: #fff }}
table {{ border-collapse: collapse; table-layout: fixed; width: {width}px; font: 12px/1.25 "Noto Sans", sans-serif }}
td {{ border: 1px solid #d9d9d9; padding: 1px 3px 5px; vertical-align: top; white-space: pre-wrap;
      overflow-wrap: anywhere; color: #000 }}
tr:first-child td {{ padding-bottom: 2px }}
</style><table><colgroup>{columns}</colgroup>{rows}</table>"""


@dataclass(frozen=True)
class Shot:
    """A tab on the evening of a day, and which of its lines are shown (1 is the headings).

    `typed` is what somebody has just written into people's columns, by line, and no run has read yet. `widths` are those
    of columns made narrower, in characters, so that a wide tab can be read on a page.
    """

    tab: str
    day: date
    lines: Sequence[int]
    typed: Mapping[int, Sequence[str]] = field(default_factory=dict)
    widths: Mapping[str, int] = field(default_factory=dict)


def _from_to(*ends: tuple[int, int]) -> list[int]:
    return [1, *(line for first, last in ends for line in range(first, last + 1))]


_DECIDED = {
    2: ("Approve", "Mei L."),
    14: ("Approve", "R. Ostrander", "Both told us that one hour is enough."),
    19: ("Hold", "Mei L.", "Her mentor is traveling until early March."),
}
_NARROW_PEOPLE = dict.fromkeys(("Mentor", "Mentee", "From", "Partner"), 18)
_NARROW_MATCHES = _NARROW_PEOPLE | {
    "Why": 46, "Watch out": 24, "Runner-ups": 28, "Status": 10, "To do": 18, "Note": 24
}  # fmt: skip
_NARROW_REQUESTS = _NARROW_PEOPLE | {"In their words": 36, "To do": 22, "Note": 14}
SHOTS = (
    Shot("Read me", date(2027, 12, 1), range(1, 19)),
    Shot("Applications", date(2027, 2, 23), [1, 13, 17, 22, 32, 34, 36, 40, 43, 50, *range(53, 57)]),
    Shot("Matches", date(2027, 2, 23), [1, 2, 3, 12, 14, 19, 20], _DECIDED, _NARROW_MATCHES),
    Shot("Program", date(2027, 12, 1), _from_to((2, 25))),
    Shot("Rules", date(2027, 12, 1), _from_to((2, 3))),
    Shot("Unmatched", date(2027, 2, 23), _from_to((2, 6))),
    Shot("Topics", date(2027, 12, 1), _from_to((2, 6))),
    Shot("Requests", date(2027, 7, 9), _from_to((2, 3)), {}, _NARROW_REQUESTS),
    Shot("Check-ins", date(2027, 6, 18), _from_to((5, 8), (12, 13), (22, 23))),
    Shot("Messages", date.max, _from_to((2, 4))),
    Shot(
        "Evaluation", date(2027, 12, 10), _from_to((2, 4), (11, 13), (17, 19), (31, 32), (40, 40), (43, 49))
    ),
)


class WatchedYear(DemoYear):
    """The sample year, with a copy of the committee's workbook from every evening."""

    kept: Path

    def _run(self, name: str, moment: datetime) -> Any:
        report = super()._run(name, moment)
        self.kept.mkdir(exist_ok=True)
        self.keep(f"{moment:%Y-%m-%d}")
        return report

    def keep(self, evening: str) -> None:
        """Put aside the committee's workbook and the pages as they are."""
        shutil.copy(self.folder / COMMITTEE, self.kept / f"{evening}.xlsx")
        for page in (self.folder / REPORT_FOLDER).glob("*.html"):
            shutil.copy(page, self.kept / f"{evening}-{page.name}")


def read_evening(kept: Path, day: date) -> Path:
    """The workbook as it stood on the evening of the day: the last one from that day or before."""
    return max(path for path in kept.glob("*.xlsx") if path.stem <= day.isoformat())


def write_page(sheet: Any, lines: Sequence[int]) -> str:
    """The lines of the sheet as a page that shows them as a spreadsheet does."""
    widths = [sheet.column_dimensions[cell.column_letter].width * PIXELS_A_CHARACTER for cell in sheet[1]]
    spans = {area.start_cell.coordinate: area.size["columns"] for area in sheet.merged_cells.ranges}
    rows = "".join(
        f"<tr>{''.join(_write_cell(cell, spans) for cell in sheet[line] if not _is_covered(cell))}</tr>"
        for line in lines
        if line <= sheet.max_row
    )
    columns = "".join(f'<col style="width: {width:.0f}px">' for width in widths)
    return _PAGE.format(width=round(sum(widths)), columns=columns, rows=rows)


def _is_covered(cell: Any) -> bool:
    """Whether the cell before this one is merged over it."""
    return type(cell).__name__ == "MergedCell"


def _write_cell(cell: Any, spans: Mapping[str, int]) -> str:
    fill = f"background: #{cell.fill.fgColor.rgb[2:]};" if cell.fill.fill_type == "solid" else ""
    weight = "font-weight: bold;" if cell.font.b else ""
    text = "" if cell.value is None else str(cell.value)
    return f'<td colspan="{spans.get(cell.coordinate, 1)}" style="{fill}{weight}">{html.escape(text)}</td>'


def write_decisions(sheet: Any, typed: Mapping[int, Sequence[str]]) -> None:
    """Fill people's columns of some lines, from the first of them on."""
    headings = [cell.value for cell in sheet[1]]
    first = headings.index(TABS[sheet.title].list_headings("people")[0]) + 1 if typed else 0
    for line, texts in typed.items():
        for column, text in enumerate(texts, first):
            sheet.cell(line, column).value = text


def put_in_doubt(cohort: Cohort) -> Cohort:
    """The cohort as if mail had gone wrong for three people, which it never does in the sample year."""
    troubles = (
        ("unknown", "monthly_topic", "The mail provider gave no answer within a minute."),
        ("failed", "check_in", "The mail provider refused the address: mailbox unavailable."),
        ("expired", "heads_up", "The mail provider could not be reached until the message was too late."),
    )
    messages = [
        replace(
            min(
                (message for message in cohort.messages if message.kind == kind),
                key=lambda message: (
                    message.queued_at,
                    message.subject_id,
                    str(cohort.people[message.recipient_id].name),
                ),
            ),
            # Real ones hang on the cohort's secret, so that each time the picture would be another.
            message_id=hashlib.sha256(kind.encode()).hexdigest()[:32],
            state=state,
            problem=problem,
        )
        for state, kind, problem in troubles
    ]
    # The year is over, and mail about an ended match asks for nothing any more.
    matches = {key: replace(match, state="active", ended_at=None) for key, match in cohort.matches.items()}
    return replace(cohort, messages=tuple(messages), matches=matches)


def take_pictures(page: Any, kept: Path, folder: Path, shots: Sequence[Shot] = SHOTS) -> None:
    """Each tab of the evenings' workbooks in `kept` as a PNG in `folder`."""
    from openpyxl import load_workbook
    from PIL import Image

    for shot in shots:
        sheet = load_workbook(read_evening(kept, shot.day))[shot.tab]
        write_decisions(sheet, shot.typed)
        for cell in sheet[1]:
            if cell.value in shot.widths:
                sheet.column_dimensions[cell.column_letter].width = shot.widths[cell.value]
        page.set_content(write_page(sheet, shot.lines))
        width = page.evaluate("document.querySelector('table').offsetWidth") + 28
        page.set_viewport_size({"width": width, "height": 100})
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        picture.quantize(_COLOURS).save(folder / name_picture(shot.tab), "PNG", optimize=True)


def name_picture(tab: str) -> str:
    """The file that shows the tab."""
    return f"desk-{tab.lower().replace(' ', '-')}.png"


def live(folder: Path) -> Path:
    """Live the sample year in `folder`; returns where the evenings' workbooks are."""
    from deployments.private_server import start_private_server

    with start_private_server() as server:
        server.wait()
        with server.use_quickly():
            year = WatchedYear(folder, tell=lambda line: None)
            year.kept = folder / "evenings"
            year.live()
            rows = list_message_rows(put_in_doubt(year.read_cohort()), ())
    open_sheets(load_settings(folder)).write_committee([TabUpdate("Messages", rows)])
    year.keep("9999-12-31")
    return year.kept


def main(arguments: list[str]) -> int:
    """Take every picture."""
    from playwright.sync_api import sync_playwright

    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "pictures"
    with tempfile.TemporaryDirectory() as place:
        # Before the browser, whose loop would keep Prefect from handing its last events over.
        kept = live(Path(place) / "program")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium",
                args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"],
            )
            take_pictures(browser.new_page(), kept, folder)
            take_page_pictures(browser.new_page(), kept, folder)
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
