"""What a run leaves on its page in the Prefect UI: figures, what waits for whom, how far it is, where the desk is.

Belongs here: Prefect's artifacts, with references and counts only. Does not belong here: what the figures are
(`tasks.runs`), events and the operator's mail (`tasks.notices`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import log1p
from time import monotonic
from typing import TYPE_CHECKING, cast
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

if TYPE_CHECKING:
    from mentoring.matching import Step

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
    """A watch that shows on the run's page how much of a step is done, if it takes longer than a glance."""
    show = _show_now_and_then(run)

    def tell(done: int, whole: int) -> None:
        if whole:
            show(100 * done / whole, f"{what}: {done} of {whole}")

    return tell


def follow_matching(run: Run) -> Callable[[Step], None]:
    """What `find_matches` reports its rounds to: the run's page shows them, if they take longer than a glance.

    The bar is full when no pair can be better any more; what is left to gain shrinks by powers of ten.
    """
    show = _show_now_and_then(run)
    widest = 0.0

    def tell(step: Step) -> None:
        nonlocal widest
        left = log1p(step.gap or 0)
        widest = max(widest, left)
        done = 100 * (1 - left / widest) if widest and step.gap is not None else 0.0
        gap = "not known yet" if step.gap is None else f"{step.gap:,} points"
        show(done, f"looking at every pair, round {step.rounds}; at most to gain: {gap}")

    return tell


def _show_now_and_then(run: Run) -> Callable[[float, str], None]:
    """Shows how much is done, in percent and words, as one artifact of the run that changes every few seconds.

    A server that does not answer stops the telling, never the step.
    """
    artifact: UUID | None = None
    next_at = monotonic() + _TELL_EVERY_SECONDS

    def show(percent: float, words: str) -> None:
        nonlocal artifact, next_at
        is_last = percent == 100 and artifact is not None
        if not is_last and monotonic() < next_at:
            return
        described = f"Cohort {run.cohort_id}, {words}"
        try:
            if artifact is None:
                # In a step's thread it is no coroutine, whatever its type says.
                artifact = cast(
                    "UUID",
                    create_progress_artifact(percent, key=f"{run.flow}-progress", description=described),
                )
            else:
                update_progress_artifact(artifact, percent, description=described)
            next_at = monotonic() + _TELL_EVERY_SECONDS
        except Exception as error:  # noqa: BLE001 – the work must not wait for the page that shows it
            _logger.warning("Progress could not be shown (%s); the work goes on.", type(error).__name__)
            next_at = float("inf")

    return show
