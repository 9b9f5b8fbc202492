"""What a run leaves on its page in the Prefect UI: figures, what waits for whom, how far it is, where the desk is.

Belongs here: Prefect's artifacts, with references and counts only. Does not belong here: what the figures are
(`tasks.runs`), events and the operator's mail (`tasks.notices`).
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import cast
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from mentoring.desk import TABS
from tasks.local_workbooks import COMMITTEE
from tasks.runs import Run, RunReport
from tasks.sending import Watch
from tasks.settings import Settings

_TELL_EVERY_SECONDS = 2
_logger = logging.getLogger(__name__)


def show_report(settings: Settings, report: RunReport) -> None:
    """Leave a run's figures, a table of what waits for whom if anything does, and the way to the desk."""
    link = find_desk_link(settings)
    where = f"[its spreadsheet]({link})" if link else f"`{COMMITTEE}` in the program folder"
    create_markdown_artifact(
        markdown=f"{report.write_markdown()}\n\nThe committee's desk is {where}.",
        key=report.flow,
        description=f"Cohort {report.cohort_id}",
    )
    if report.waiting:
        create_table_artifact(
            table=[describe_waiting(sentence) for sentence in report.waiting],
            key=f"{report.flow}-waiting",
            description=f"Cohort {report.cohort_id}: what waits for whom",
        )
    if link:
        create_link_artifact(
            link=link,
            link_text="The committee's spreadsheet",
            key="committee-spreadsheet",
            description="Shared with the committee's members only",
        )


def find_desk_link(settings: Settings) -> str:
    """The address of the committee's spreadsheet; empty for a workbook, which a browser can't open from a web page."""
    google = settings.program.google
    return google.committee_link if google and settings.sheets == "google" else ""


def describe_waiting(sentence: str) -> dict[str, str]:
    """A sentence as a row: who has to act, where, and what it says."""
    tab = next((name for name in TABS if f"{name} tab" in sentence or f"“{name}”" in sentence), "")
    # Headings, tabs and settings are the operator's, decisions and cells the committee's.
    is_operators = any(
        words in sentence for words in ("program.yaml", "has no tab", "forms spreadsheet", "heading")
    )
    return {
        "Who": "operator" if is_operators else "committee",
        "Where": f"{tab} tab" if tab else "–",
        "What": sentence,
    }


def follow_progress(run: Run, what: str) -> Watch:
    """A watch that shows on the run's page how much of a step is done, if it takes longer than a glance.

    A server that does not answer stops the telling, never the step.
    """
    artifact: UUID | None = None
    next_at = monotonic() + _TELL_EVERY_SECONDS

    def tell(done: int, whole: int) -> None:
        nonlocal artifact, next_at
        is_last = done == whole and artifact is not None
        if not whole or (not is_last and monotonic() < next_at):
            return
        words = f"Cohort {run.cohort_id}, {what}: {done} of {whole}"
        try:
            if artifact is None:
                # In a step's thread it is no coroutine, whatever its type says.
                artifact = cast(
                    "UUID",
                    create_progress_artifact(
                        100 * done / whole, key=f"{run.flow}-progress", description=words
                    ),
                )
            else:
                update_progress_artifact(artifact, 100 * done / whole, description=words)
            next_at = monotonic() + _TELL_EVERY_SECONDS
        except Exception as error:  # noqa: BLE001 – mail must not wait for the page that shows it
            _logger.warning("Progress could not be shown (%s); the work goes on.", type(error).__name__)
            next_at = float("inf")

    return tell
