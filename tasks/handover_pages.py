"""The handover: one self-contained page for the next committee, without any personal data.

Belongs here: reading the audit log, rendering the page and writing it. Does not belong here: what stands on it
(`mentoring.handover`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from mentoring.calendar import local_day
from mentoring.cohort import Cohort
from mentoring.completion import summarise_year
from mentoring.evaluation import EvaluationSummary, write_sentences
from mentoring.handover import Handover, Happening
from mentoring.handover import write_handover as plan_handover
from tasks.database import parse_time
from tasks.desk import Desk
from tasks.reports import REPORT_FOLDER, name_page, render_page, write_page
from tasks.runs import Run


def find_handover(folder: Path, cohort_id: str) -> Path:
    """Where the handover of a cohort lies in a program folder, whether or not it is there."""
    return folder / REPORT_FOLDER / name_page("handover", cohort_id)


def write_handover(run: Run, desk: Desk) -> Path | None:
    """Write the page as the cohort stands now; before the cohort starts there is nothing to hand over.

    Raises ReportError when the folder can't be written.
    """
    cohort = desk.cohort
    today = local_day(run.now, cohort.program.zone)
    path = find_handover(run.settings.folder, run.cohort_id)
    if today < cohort.settings.starts and not path.exists():
        return None
    with run.database.transaction(run.flow, run.now) as transaction:
        rows = transaction.fetch_all("list_decisions", cohort_id=run.cohort_id)
    happenings = [
        Happening(
            local_day(parse_time(row["noted_at"]), cohort.program.zone),
            row["entity"],
            row["entity_id"],
            row["happening"],
            row["detail"],
        )
        for row in rows
    ]
    handover = plan_handover(cohort, happenings, today)
    write_page(path, render_handover(handover, summarise_year(cohort, {}), cohort, today))
    return path


def render_handover(handover: Handover, summary: EvaluationSummary, cohort: Cohort, made_on: date) -> str:
    """Return the handover as one HTML page without scripts or anything from the network."""
    return render_page(
        "handover.html.j2",
        "report.css",
        handover=handover,
        summary=summary,
        # The year and the response; the rest stands in the board's report.
        story=write_sentences(summary)[:2],
        program=cohort.program,
        cohort_id=cohort.cohort_id,
        settings=cohort.settings,
        report=name_page("evaluation", cohort.cohort_id)
        if made_on >= cohort.settings.evaluation_opens
        else "",
        made_on=made_on,
    )
