"""Erasing people: what of their answers may stay for the statistics, and when a cohort's data has to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mentoring.calendar import find_purge_day, local_day
from mentoring.changes import CancelMessage, Change, Plan, RejectMatch, SettleApplication
from mentoring.cohort import Cohort
from mentoring.pauses import end_match
from mentoring.program import Question


def keep_statistics(answers: Mapping[str, str], questions: Sequence[Question]) -> dict[str, str]:
    """An evaluation without free text: scales and choices stay, comments and quotes go."""
    countable = {question.id for question in questions if question.kind != "text"}
    return {key: value for key, value in answers.items() if key in countable}


def keep_points(explanation: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of why two people were matched: the points of each criterion, which the audit log keeps as well."""
    points = explanation.get("criteria", {})
    return {"criteria": points} if points else {}


def is_purge_due(cohort: Cohort, now: datetime) -> bool:
    """Whether personal data has to go; stays true afterwards, so that an interrupted purge is finished."""
    return local_day(now, cohort.program.zone) >= find_purge_day(cohort.settings)


def plan_departure(cohort: Cohort, person_id: str) -> tuple[Plan, list[str]]:
    """What has to end before a person is erased, and the partners' applications: the committee tells them.

    No message is queued: it would carry the name that is about to go.
    """
    mine = {key for key, item in cohort.applications.items() if item.person_id == person_id}
    changes: list[Change] = []
    partners: list[str] = []
    for match in cohort.list_matches("active", "approved", "proposed"):
        if not mine & set(match.pair):
            continue
        if match.state == "active":
            changes += end_match(cohort, match, "withdrawn")
            partners.append(next(key for key in match.pair if key not in mine))
        else:
            changes.append(RejectMatch(match.match_id, match.state, "applicant_withdrew", None))
        changes.extend(
            CancelMessage(message.message_id, "The match ended before it went out.")
            for message in cohort.messages
            if message.subject_id == match.match_id and message.state == "pending"
        )
    reason = "Personal data was erased on request."
    changes.extend(
        SettleApplication(key, cohort.applications[key].state, "withdrawn", "[]", reason)
        for key in sorted(mine)
        if cohort.applications[key].state in ("accepted", "needs_attention")
    )
    return Plan(tuple(changes)), partners
