"""What an applicant hears when an application was received, needs a correction or was withdrawn.

Belongs here: which letter, with which facts. Does not belong here: what becomes of the application
(`mentoring.intake`) and the words (`mentoring/templates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mentoring.calendar import name_day, next_daytime
from mentoring.cohort import Cohort, Draft, Role
from mentoring.responses import Response
from mentoring.times import find_zone

#: How long an acknowledgement or a plea to correct is worth sending.
_WORTH = timedelta(days=14)


def write_to_applicant(
    cohort: Cohort,
    state: str,
    application_id: str,
    role: Role,
    current: Response,
    faults: Sequence[Mapping[str, str]],
    *,
    person_id: str,
    period: str,
    is_late: bool,
    now: datetime,
) -> Draft:
    """The letter about an application that is accepted, needs_attention or withdrawn by `current`."""
    kind, context = _choose_letter(cohort, state, role, faults, is_late)
    not_before = next_daytime(now, _find_zone(cohort, current), cohort.program.sending_hours)
    return Draft(kind, application_id, period, person_id, context, not_before, not_before + _WORTH)


def _choose_letter(
    cohort: Cohort, state: str, role: Role, faults: Sequence[Mapping[str, str]], is_late: bool
) -> tuple[str, dict[str, Any]]:
    links = cohort.program.links
    if state == "accepted":
        closes_on = name_day(cohort.settings.applications_close)
        return "acknowledgement", {"role": role, "closes_on": closes_on, "is_late": is_late, "notes": []}
    if state == "needs_attention":
        mends = [{"question": fault["question"], "mend": fault["mend"]} for fault in faults]
        form_link = links.mentor_form if role == "mentor" else links.mentee_form
        return "please_correct", {"role": role, "faults": mends, "form_link": form_link}
    return "application_withdrawn", {"role": role}


def _find_zone(cohort: Cohort, response: Response) -> ZoneInfo:
    # One of the answers that may need a correction.
    return find_zone(response.answers.get("time_zone", "")) or cohort.program.zone
