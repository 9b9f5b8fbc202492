"""Whose responses these are: which cohort a response is for, which belong to one person, and who came late.

Belongs here: questions about the responses of the application forms. Does not belong here: what becomes of an
application (`mentoring.intake`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from mentoring.calendar import end_of_day, start_of_day
from mentoring.cohort import Application, Cohort, Role
from mentoring.responses import Response

#: States of an application that counts.
IN_FORCE = ("accepted", "needs_attention")
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
#: Responses older than this before the opening are those of another year.
_EARLY = timedelta(days=60)


@dataclass(frozen=True)
class KnownApplications:
    """The applications of one role, by what a response of the same person can be recognised by.

    `replaced` holds the keys of responses that a later one replaced.
    """

    applications: Sequence[Application]
    by_address: Mapping[str, Application]
    by_key: Mapping[str, Application]
    by_time: Mapping[datetime, Application]
    replaced: frozenset[str]

    def find(self, responses: Sequence[Response]) -> Application | None:
        """The application that these responses belong to: by address, or for an unusable one by its time."""
        latest = responses[-1]
        address = latest.address or ""
        by_time = self.by_time.get(latest.submitted_at) if latest.submitted_at else None
        return self.by_address.get(address) or self.by_key.get(latest.key) or by_time


def index_applications(cohort: Cohort, role: Role) -> KnownApplications:
    """What a cohort has of one role."""
    applications = [item for item in cohort.applications.values() if item.role == role]
    candidates = [item for item in applications if item.state != "duplicate"]
    reachable = [(cohort.people[item.person_id].email_key, item) for item in candidates if item.person_id]
    return KnownApplications(
        applications,
        {address: item for address, item in reachable if address},
        {item.response_key: item for item in candidates},
        {item.received_at: item for item in candidates if item.person_id is None},
        frozenset(item.response_key for item in applications if item.state == "duplicate"),
    )


def _list_openings(cohort: Cohort) -> dict[str, datetime]:
    settings = {**cohort.program.cohorts, cohort.cohort_id: cohort.settings}
    return {key: start_of_day(item.applications_open, cohort.program.zone) for key, item in settings.items()}


def list_own(cohort: Cohort, responses: Sequence[Response]) -> list[Response]:
    """Responses that are for this cohort: they came after the opening, and before any later cohort's."""
    openings = _list_openings(cohort)
    mine = openings[cohort.cohort_id]
    later = min((opening for opening in openings.values() if opening > mine), default=_NEVER)
    return [item for item in responses if item.submitted_at is None or mine <= item.submitted_at < later]


def count_early(cohort: Cohort, responses: Sequence[Response]) -> int:
    """How many came shortly before the first opening of all: they belong to no cohort."""
    first = min(_list_openings(cohort).values())
    return sum(first - _EARLY <= item.submitted_at < first for item in responses if item.submitted_at)


def group_by_person(responses: Sequence[Response]) -> list[list[Response]]:
    """Responses of one address each, oldest first; an address that can't be used stands for itself."""
    groups: dict[str, list[Response]] = defaultdict(list)
    for response in sorted(responses, key=lambda item: (item.submitted_at or _NO_TIME, item.row)):
        groups[response.address or response.key].append(response)
    return list(groups.values())


def is_after_closing(cohort: Cohort, response: Response) -> bool:
    """Whether a response came after the closing day."""
    closing = end_of_day(cohort.settings.applications_close, cohort.program.zone)
    return response.submitted_at is not None and response.submitted_at >= closing


def came_late(cohort: Cohort, existing: Application | None, responses: Sequence[Response]) -> bool:
    """Whether somebody came after the closing day; mending an application afterwards makes nobody late."""
    if existing and existing.state in IN_FORCE and not existing.is_late:
        return False
    standing = list(takewhile(lambda item: not item.is_withdrawal, reversed(responses))) or responses[-1:]
    return is_after_closing(cohort, standing[-1])
