"""The next cohort from this one's settings: the same days a year later, its id counted on.

Belongs here: ids and dates, also those of a year made short for a rehearsal. Does not belong here: files and people.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from mentoring.calendar import add_months
from mentoring.program import CohortSettings, Program


def name_next_cohort(program: Program, cohort_id: str) -> str:
    """The id of the cohort after `cohort_id`: its last number counted on by one, or “-2” at the end.

    Never one that is taken.
    """
    found = re.search(r"(\d+)(\D*)\Z", cohort_id)
    number = int(found[1]) + 1 if found else 2
    head, tail = (cohort_id[: found.start()], found[2]) if found else (f"{cohort_id}-", "")
    width = len(found[1]) if found else 1
    while (name := f"{head}{number:0{width}d}{tail}") in program.cohorts:
        number += 1
    return name


def shift_cohort(settings: CohortSettings) -> CohortSettings:
    """The same settings with every day a year later; 29 February becomes the 28th."""
    values = settings.model_dump()
    return CohortSettings.model_validate(
        {name: add_months(value, 12) if isinstance(value, date) else value for name, value in values.items()}
    )


def shorten_cohort(settings: CohortSettings) -> CohortSettings:
    """The same cohort with two weeks to apply, ten weeks of mentoring and two weeks to evaluate."""
    opens = settings.applications_open
    days = {
        "applications_close": 14,
        "starts": 21,
        "evaluation_opens": 84,
        "ends": 91,
        "evaluation_due": 98,
    }
    return settings.model_copy(update={name: opens + timedelta(days=n) for name, n in days.items()})
