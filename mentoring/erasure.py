"""Erasing people: what of their answers may stay for the statistics, and when a cohort's personal data has to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from mentoring.calendar import add_months, local_day
from mentoring.changes import Plan
from mentoring.cohort import Cohort
from mentoring.program import CohortSettings, Question


def keep_statistics(answers: Mapping[str, str], questions: Sequence[Question]) -> dict[str, str]:
    """An evaluation without free text: scales and choices stay, comments and quotes go."""
    countable = {question.id for question in questions if question.kind != "text"}
    return {key: value for key, value in answers.items() if key in countable}


def find_purge_day(settings: CohortSettings) -> date:
    """The day from which a cohort's personal data is removed."""
    return add_months(max(settings.ends, settings.evaluation_due), settings.retention_months)


def plan_purge(cohort: Cohort, now: datetime) -> Plan:
    """Whether the cohort's time is over at `now`, and how many people that concerns."""
    if not is_purge_due(cohort, now):
        return Plan(counts={"people to erase": 0})
    return Plan(counts={"people to erase": len({item.person_id for item in cohort.applications.values() if item.email})})


def is_purge_due(cohort: Cohort, now: datetime) -> bool:
    """Whether personal data has to go; stays true afterwards, so that an interrupted purge is finished."""
    return local_day(now, cohort.program.zone) >= find_purge_day(cohort.settings)
