"""What the engine hands back: the frozen Matching, its columns, and the error of refused input.

Belongs here: shapes of results. Does not belong here: how they are computed or written to files.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mentoring.errors import PlainError
from mentoring.policy import CRITERIA

MATCH_COLUMNS = ("mentor_id", "mentee_id", "points", *CRITERIA, "why", "watch_outs")
RUNNER_UP_COLUMNS = (
    "person_id", "role", "rank", "partner_id", "points", "cost", "mentees_lost", "waiting_passed_over",
    "cost_is_exact", "free_seat",
)  # fmt: skip
UNMATCHED_COLUMNS = ("person_id", "role", "reason", "smallest_change")


class MatchingError(PlainError, ValueError):
    """Input that cannot be matched, as one plain sentence that names the row or column and the mend."""


@dataclass(frozen=True)
class Matching:
    """A matching that is proven best, with its reasons.

    - `matches`, one row per pair, sorted by mentor_id, mentee_id: mentor_id, mentee_id, points, one integer
      column for each criterion of `mentoring.policy.CRITERIA` (they add up to points), why, watch_outs.
    - `runner_ups`, up to three per person and role: person_id, role ("mentor" or "mentee"), rank 1..3,
      partner_id, points, cost (points lost in total if this pair were chosen and everybody else rearranged in
      the best way), mentees_lost (mentees fewer with a mentor in that case, 0 or 1), waiting_passed_over
      (someone who waited longer would give way), cost_is_exact (False: cost is a lower bound), free_seat (the
      mentor has a seat left). Where mentees_lost or waiting_passed_over is set, cost may be negative: points
      would be gained at that price. Held pairs have no runner-ups: they are decided.
    - `unmatched`: person_id, role, reason, smallest_change. A mentor is unmatched when no mentee came to
      them.
    - `summary`: counts and figures, ready for JSON; see `mentoring.matching.find_matches`.
    - `certificate`: arrays that prove the result; see `mentoring.matching.find_matches`.

    Sentences name people by their id in braces, `{M-012}`; `name_people` puts names in.
    """

    matches: pd.DataFrame
    runner_ups: pd.DataFrame
    unmatched: pd.DataFrame
    summary: dict[str, Any]
    certificate: dict[str, np.ndarray]
    _scores: Callable[[], tuple[np.ndarray, np.ndarray]] = field(repr=False, compare=False)

    def scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (int32) and eligible (bool) of every pair, mentors × mentees, in the order of the input
        rows.

        For small inputs: both are dense. A pair is eligible when the hard rules and the floor allow it, or it
        is held.
        """
        return self._scores()


def name_people(sentence: str, names: Mapping[str, str]) -> str:
    """Put names for the ids in braces; an id without a name keeps the id, without braces."""
    return re.sub(r"\{([^{}]+)\}", lambda found: names.get(found[1], found[1]), sentence)
