"""The tables and figures of a result that do not depend on the engine that found it.

Belongs here: rows of matches, the summary, the certificate's arrays. Does not belong here: runner-ups and
reasons, which each engine finds in its own way.
"""

from typing import Any

import numpy as np
import pandas as pd

from mentoring.matching.fairness import describe_spread
from mentoring.matching.reasons import explain_pair, warn_about_pair
from mentoring.matching.result import MATCH_COLUMNS
from mentoring.matching.rules import Board


def list_matches(board: Board, partner: np.ndarray) -> pd.DataFrame:
    """Return the table of matches for the partners of mentees (-1: none), by mentor and mentee."""
    rows = []
    for mentor, mentee in sorted((int(partner[at]), int(at)) for at in np.flatnonzero(partner >= 0)):
        split = [int(factor.mentors[mentor] @ factor.mentees[mentee]) for factor in board.factors.values()]
        why, watch = explain_pair(board, mentor, mentee), warn_about_pair(board, mentor, mentee)
        rows.append([board.mentors.ids[mentor], board.mentees.ids[mentee], sum(split), *split, why, watch])
    return pd.DataFrame(rows, columns=list(MATCH_COLUMNS))


def summarise(board: Board, partner: np.ndarray, points: list[int]) -> dict[str, Any]:
    """Return the counts and figures of a proven matching with these points per pair."""
    matched = np.flatnonzero(partner >= 0)
    used = np.bincount(partner[matched], minlength=len(board.mentors))
    waits = np.asarray([bool(date) for date in board.mentees.waiting_since], dtype=bool)
    seats = int(board.mentors.capacity.sum())
    return {
        "mentors": len(board.mentors),
        "mentees": len(board.mentees),
        "seats": seats,
        "free_seats": seats - len(matched),
        "matched": len(matched),
        "held": len(board.held),
        "unmatched_mentees": len(board.mentees) - len(matched),
        "mentors_without_mentee": int((used == 0).sum()),
        "waiting": int(waits.sum()),
        "waiting_matched": int(waits[matched].sum()),
        "total_points": sum(points),
        "optimal": True,  # the engines refuse to return anything else
        **describe_spread(points),
        "seed": board.policy.seed,
    }


def certify(
    board: Board,
    seats: np.ndarray,
    prices: np.ndarray,
    bonus: np.ndarray,
    partner: np.ndarray,
    threshold: int,
    worth: int,
    cover: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Return the arrays of the certificate; see `mentoring.matching.find_matches`."""
    held = np.zeros(len(board.mentees), dtype=bool)
    held[list(board.held)] = True
    return {
        "mentor_ids": np.asarray(board.mentors.ids, dtype=str),
        "seats": seats,
        "prices": prices,
        "mentee_ids": np.asarray(board.mentees.ids, dtype=str),
        "bonus": np.where(held, 0, bonus),
        "partner": partner,
        "held": held,
        "threshold": np.asarray(threshold, dtype=np.int64),
        "worth": np.asarray(worth, dtype=np.int64),
    } | ({} if cover is None else {"cover": cover})
