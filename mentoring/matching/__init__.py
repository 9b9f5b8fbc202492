"""The matching engine: `find_matches` takes two tables of people and a policy and returns a proven, explained
`Matching`.

Belongs here: matching as pure computation on values. Does not belong here: files, sheets, databases, cohorts,
the committee's workflow. Imports pandas and SciPy: import it from commands that match, not from the command
line's start.
"""

from mentoring.matching.engine import find_matches
from mentoring.matching.generation import Step
from mentoring.matching.people import MENTEE_COLUMNS, MENTOR_COLUMNS
from mentoring.matching.result import (
    MATCH_COLUMNS,
    RUNNER_UP_COLUMNS,
    UNMATCHED_COLUMNS,
    Matching,
    MatchingError,
    name_people,
)
from mentoring.matching.verify import verify_matching
from mentoring.matching.what_if import WhatIf, ask_what_if

__all__ = [
    "MATCH_COLUMNS",
    "MENTEE_COLUMNS",
    "MENTOR_COLUMNS",
    "RUNNER_UP_COLUMNS",
    "UNMATCHED_COLUMNS",
    "Matching",
    "MatchingError",
    "Step",
    "WhatIf",
    "ask_what_if",
    "find_matches",
    "name_people",
    "verify_matching",
]
