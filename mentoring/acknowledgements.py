"""What an applicant hears when an application was received, needs a correction or was withdrawn.

Belongs here: which letter, with which facts. Does not belong here: what becomes of the application
(`mentoring.intake`) and the words (`mentoring/templates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mentoring.calendar import name_day, next_daytime
from mentoring.cohort import Cohort, Draft, Role
from mentoring.times import find_zone

#: How long an acknowledgement or a plea to correct is worth sending.
_WORTH = timedelta(days=14)


def write_to_applicant(
    cohort: Cohort,
    state: str,
    application_id: str,
    role: Role,
    time_zone: str,
    faults: Sequence[Mapping[str, str]],
    *,
    person_id: str,
    period: str,
    is_late: bool,
    now: datetime,
    asks_to_confirm: bool = False,
) -> Draft:
    """The letter about an application that is accepted, needs_attention or withdrawn.

    `time_zone` is the answer as it stands, which may be the one that needs a correction.
    """
    kind, context = _choose_letter(cohort, state, role, faults, is_late)
    if asks_to_confirm and kind == "acknowledgement":
        # Without a link the form's own sign-in is what confirms.
        form = cohort.program.links.confirmation_form if cohort.program.confirmation == "link" else ""
        kind, context = "please_confirm", {**context, "link": form or ""}
    zone = find_zone(time_zone) or cohort.program.zone
    not_before = next_daytime(now, zone, cohort.program.sending_hours)
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
