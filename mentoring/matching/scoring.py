"""The scoring definition: every criterion, and every rule about what people said, as a product of two integer
tables.

Belongs here: what a pair earns and which said-things rule it out, as mentors' features times mentees'
features. Does not belong here: rules about single pairs (mentoring.matching.rules), solving, sentences. The
solver and the checker share this module and nothing else.

points[i, j] = Σ over criteria of mentors[i] · mentees[j]. All features are integers and every partial sum
stays below 2**24, so that a single-precision matrix product is exact in any order of summation.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mentoring.matching.people import Labels, People
from mentoring.matching.text import compare_texts, read_words, weigh_rarity
from mentoring.matching.time_zones import WORKING_DAY, Offsets, find_overlap
from mentoring.policy import Policy

M = TypeVar("M", bound=Hashable)
E = TypeVar("E", bound=Hashable)


@dataclass(frozen=True)
class Factor:
    """One bilinear table: mentors (people × k) and mentees (people × k), both int32."""

    mentors: np.ndarray
    mentees: np.ndarray

    def multiply(self, mentors: slice | None = None) -> np.ndarray:
        """Return the products (int32, mentors × mentees) of a block of mentors, of all by default."""
        block = self.mentors if mentors is None else self.mentors[mentors]
        return (block.astype(np.float32) @ self.mentees.T.astype(np.float32)).astype(np.int32)


def score_criteria(mentors: People, mentees: People, policy: Policy) -> dict[str, Factor]:
    """Return a factor for each criterion, in the order of the columns; its product is between 0 and its
    weight.
    """
    weights = policy.weights
    gap = policy.experience_gap

    def rate_experience(mentor: int | None, mentee: int | None) -> int:
        if mentor is None or mentee is None or mentor < mentee:
            return 0
        span = max(gap.ideal, 1)
        return weights.experience * max(0, span - abs(mentor - mentee - gap.ideal)) // span

    def rate_overlap(mentor: Offsets | None, mentee: Offsets | None) -> int:
        if mentor is None or mentee is None:
            return 0
        return weights.time_zone * find_overlap(mentor, mentee) // WORKING_DAY

    def rate_languages(mentor: tuple[str, ...], mentee: tuple[str, ...]) -> int:
        return weights.languages if set(mentor) & set(mentee) else 0

    def rate_library(mentor: tuple[str, ...], mentee: tuple[tuple[str, ...], tuple[str, ...]]) -> int:
        now, desired = mentee
        if set(mentor) & set(desired or now):
            return weights.library_type
        return weights.library_type // 2 if set(mentor) & set(now) else 0

    now_and_desired = list(zip(_sort(mentees.library_type), _sort(mentees.desired_library_type), strict=True))
    goals = compare_texts(
        [read_words(text) for text in mentors.text],
        [read_words(text) for text in mentees.text],
        weights.goals,
    )
    return {
        "topics": _share(mentors.topics, mentees.topics, weights.topics, _weigh_ranks),
        "focus_areas": _share(
            mentors.focus_areas, mentees.focus_areas, weights.focus_areas, _rarity_weigher(mentors, mentees)
        ),
        "goals": Factor(*goals),
        "library_type": _tabulate(_sort(mentors.library_type), now_and_desired, rate_library),
        "time_zone": _tabulate(mentors.offsets, mentees.offsets, rate_overlap),
        "experience": _tabulate(mentors.years, mentees.years, rate_experience),
        "languages": _tabulate(_sort(mentors.languages), _sort(mentees.languages), rate_languages),
    }


def find_mismatches(mentors: People, mentees: People, policy: Policy) -> dict[str, Factor]:
    """Return a factor for each hard rule about what two people said, product 1 where it forbids the pair.

    Where one side said nothing, a rule cannot be checked and does not forbid.
    """

    def share_nothing(mentor: tuple[str, ...], mentee: tuple[str, ...]) -> int:
        return int(bool(mentor and mentee) and not set(mentor) & set(mentee))

    def too_close(mentor: int | None, mentee: int | None) -> int:
        return int(
            mentor is not None and mentee is not None and mentor - mentee < policy.experience_gap.minimum
        )

    rules = {}
    if policy.experience_gap_required:
        rules["experience_gap"] = _tabulate(mentors.years, mentees.years, too_close)
    if policy.shared_channel_required:
        rules["shared_channel"] = _tabulate(_sort(mentors.channels), _sort(mentees.channels), share_nothing)
    if policy.shared_language_required:
        rules["shared_language"] = _tabulate(
            _sort(mentors.languages), _sort(mentees.languages), share_nothing
        )
    return rules


def split_points(total: int, shares: Sequence[int]) -> list[int]:
    """Split an integer in proportion to shares, adding up exactly (largest remainder, the first one wins
    ties).
    """
    whole = sum(shares)
    parts = [total * share // whole for share in shares]
    left_over = sorted(range(len(shares)), key=lambda at: (-(total * shares[at] % whole), at))
    for at in left_over[: total - sum(parts)]:
        parts[at] += 1
    return parts


def _weigh_ranks(labels: tuple[str, ...]) -> list[int]:
    return list(range(len(labels), 0, -1))


def _rarity_weigher(mentors: People, mentees: People) -> Callable[[tuple[str, ...]], list[int]]:
    rarity = weigh_rarity((*mentors.focus_areas, *mentees.focus_areas))
    return lambda labels: [rarity[label] for label in labels]


def _share(
    offered: Labels, wanted: Labels, weight: int, weigh: Callable[[tuple[str, ...]], list[int]]
) -> Factor:
    """Points of each wanted label, all of them together the weight, for a mentor who offers it."""
    labels = sorted(
        {label for some in wanted for label in some} & {label for some in offered for label in some}
    )
    column = {label: at for at, label in enumerate(labels)}
    mentors = np.zeros((len(offered), len(labels)), dtype=np.int32)
    mentees = np.zeros((len(wanted), len(labels)), dtype=np.int32)
    for row, some in enumerate(offered):
        mentors[row, [column[label] for label in some if label in column]] = 1
    for row, some in enumerate(wanted):
        for label, points in zip(some, split_points(weight, weigh(some)) if some else (), strict=True):
            if label in column:
                mentees[row, column[label]] = points
    return Factor(mentors, mentees)


def _sort(labels: Labels) -> Labels:
    """Put the labels of each person in one order: where only sharing counts, equal sets are one answer."""
    return tuple(tuple(sorted(some)) for some in labels)


def _tabulate(mentors: Sequence[M], mentees: Sequence[E], rate: Callable[[M, E], int]) -> Factor:
    """Any integer function of two answers: which answer one gave, times the row of points for the other's.

    The side with fewer different answers is the one that is marked: the table stays as narrow as it can.
    """
    if len(set(mentees)) < len(set(mentors)):
        turned = _tabulate(mentees, mentors, lambda mentee, mentor: rate(mentor, mentee))
        return Factor(turned.mentees, turned.mentors)
    kinds = list(dict.fromkeys(mentors))
    column = {kind: at for at, kind in enumerate(kinds)}
    rows = {answer: [rate(kind, answer) for kind in kinds] for answer in dict.fromkeys(mentees)}
    table = np.zeros((len(mentors), len(kinds)), dtype=np.int32)
    table[np.arange(len(mentors)), [column[answer] for answer in mentors]] = 1
    points = np.asarray([rows[answer] for answer in mentees], dtype=np.int32).reshape(
        len(mentees), len(kinds)
    )
    return Factor(table, points)
