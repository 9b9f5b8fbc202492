"""The match review: one self-contained page beside the sheet, for the committee's eyes.

Belongs here: rendering the page, writing and removing it. Does not belong here: what stands on it
(`mentoring.match_review`). It shows applications, so its file is its owner's alone, and erasing anybody removes it
until the next `propose-matches` writes it anew.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from mentoring.calendar import local_day
from mentoring.changes import Plan
from mentoring.cohort import Cohort
from mentoring.match_review import MatchReview, review_matches
from mentoring.program import Program
from tasks.reports import REPORT_FOLDER, name_page, render_page, write_page
from tasks.runs import Run


def find_review(folder: Path, cohort_id: str) -> Path:
    """Where the review of a cohort lies in a program folder, whether or not it is there."""
    return folder / REPORT_FOLDER / name_page("match-review", cohort_id)


def render_review(review: MatchReview, program: Program, cohort_id: str, made_on: date) -> str:
    """Return the review as one HTML page without scripts or anything from the network."""
    return render_page(
        "review.html.j2",
        "review.css",
        review=review,
        program=program,
        cohort_id=cohort_id,
        closes_on=program.cohorts[cohort_id].applications_close,
        made_on=made_on,
    )


def write_review(run: Run, cohort: Cohort, plan: Plan) -> Path | None:
    """Write the review of the open proposals for its owner alone; without a map there is nothing to review.

    Raises ReportError when the folder can't be written.
    """
    path = find_review(run.settings.folder, run.cohort_id)
    if plan.pairing is None or cohort.is_anonymised:
        path.unlink(missing_ok=True)
        return None
    cohorts = {**cohort.program.cohorts, run.cohort_id: cohort.settings}
    program = cohort.program.model_copy(update={"cohorts": cohorts})
    review = review_matches(cohort, plan.pairing)
    write_page(path, render_review(review, program, run.cohort_id, local_day(run.now, program.zone)))
    return path


def remove_review(run: Run) -> None:
    """Remove the cohort's page, if it is there."""
    find_review(run.settings.folder, run.cohort_id).unlink(missing_ok=True)
