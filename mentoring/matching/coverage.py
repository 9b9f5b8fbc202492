"""How many mentees can be matched at all, who comes first, and the proof that nobody more can.

Belongs here: largest matchings over eligible pairs without listing them, and the cover that proves them.
Does not belong here: points beyond eligibility.

Sources: augmenting paths (Berge 1957), breadth-first over many at once (Hopcroft and Karp 1973); the cover is
König's (1931), with one level per mentor instead of in or out, because mentees who wait longer come first
(greedy in a transversal matroid, Edmonds and Fulkerson 1965). An expansion of some mentees against all
mentors not yet reached is one matrix product, and every mentor is reached once.
"""

import math

import numpy as np

from mentoring.matching.features import Features

_MENTEES, _MENTORS = 256, 8192  # people per expansion
_TRIES, _MOST_TRIES, _ENOUGH = 12, 400, 8  # mentors asked first and at most, and eligible ones wanted


def cover_mentees(
    features: Features, seats: np.ndarray, ranks: np.ndarray, partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Match most mentees, those of higher rank first, starting from a matching of eligible pairs.

    `ranks` int64 >= 1 per mentee; `partner` per mentee (-1: none). Returns the partners and a level per mentor
    (0, or a rank): with it every eligible pair has level of the mentor >= level of the mentor where the mentee
    is (or the mentee's rank, if nowhere), mentors above 0 have no free seat, and nobody sits at a mentor of a
    level above the own rank. That proves that nobody more, and nobody who comes first, can be matched.
    """
    partner = partner.copy()
    levels = np.zeros(len(seats), dtype=np.int64)
    if (partner >= 0).all():
        return partner, levels
    # nobody at all may have these: without this every search would try everybody on them again
    out_of_reach = _find_out_of_reach(features)
    settled = np.zeros(len(seats), dtype=bool)
    for rank in np.unique(ranks)[::-1]:
        waiting = np.flatnonzero((partner < 0) & (ranks == rank))
        while len(waiting):
            full = np.bincount(partner[(partner >= 0) & (ranks >= rank)], minlength=len(seats)) >= seats
            if (
                full.all() and not settled.any()
            ):  # nothing to search: every seat is taken by somebody who comes first
                reached, progress = np.ones(len(seats), dtype=bool), False
            else:
                seen = settled | out_of_reach
                reached, progress = _augment(features, seats, ranks, partner, full, seen, waiting)
            if not progress:
                levels[reached & ~settled] = rank
                settled |= reached
                break
            waiting = np.flatnonzero((partner < 0) & (ranks == rank))
    return partner, levels


def seat_quickly(features: Features, seats: np.ndarray) -> np.ndarray:
    """Seat most mentees at some of a few mentors each: a start that leaves little to search."""
    from ortools.graph.python import max_flow  # heavy, and only for large cohorts

    mentors, mentees = features.shape
    left, right = _ask_around(features)
    flow = max_flow.SimpleMaxFlow()
    source, sink = mentees + mentors, mentees + mentors + 1
    one = np.ones(mentees, dtype=np.int64)
    arcs = flow.add_arcs_with_capacity(right, mentees + left, np.ones(len(left), dtype=np.int64))
    flow.add_arcs_with_capacity(np.full(mentees, source), np.arange(mentees), one)
    flow.add_arcs_with_capacity(mentees + np.arange(mentors), np.full(mentors, sink), seats)
    if flow.solve(source, sink) != flow.OPTIMAL:
        raise ArithmeticError("no first seating could be found; please report this")
    partner = np.full(mentees, -1, dtype=np.int64)
    used = np.flatnonzero(flow.flows(arcs)) if len(left) else np.zeros(0, dtype=np.int64)
    partner[right[used]] = left[used]
    return partner


def _ask_around(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """Some eligible pairs of each mentee, asking longer for those who have few."""
    mentors, mentees = features.shape
    short, number = np.arange(mentees), np.zeros(mentees, dtype=np.int64)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    tried, tries = 0, _TRIES
    while len(short) and mentors and tried < min(_MOST_TRIES, mentors):
        tries = min(tries, mentors - tried)
        # strides that share no factor with the number of mentors meet each of them once
        steps = (tried + np.arange(tries)) * _find_stride(mentors)
        left = ((short[:, None] + steps[None, :]) % mentors).ravel()
        right = np.repeat(short, tries)
        allowed = features.find_allowed(left, right)
        found.append((left[allowed], right[allowed]))
        number += np.bincount(right[allowed], minlength=mentees)
        short = short[number[short] < _ENOUGH]
        tried, tries = tried + tries, 2 * tries
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])


def _find_stride(mentors: int) -> int:
    stride = max(int(mentors * 0.618), 1)
    while math.gcd(stride, mentors) > 1:
        stride += 1
    return stride


def _augment(
    features: Features,
    seats: np.ndarray,
    ranks: np.ndarray,
    partner: np.ndarray,
    full: np.ndarray,
    seen: np.ndarray,
    waiting: np.ndarray,
) -> tuple[np.ndarray, bool]:
    """Seat who waits along disjoint paths, in place; return the mentors reached and whether anybody gained."""
    order = np.argsort(partner, kind="stable")
    first = np.searchsorted(partner[order], np.arange(len(seats) + 1))
    before_search, seen = seen, seen.copy()
    came_by = np.full(len(seats), -1, dtype=np.int64)  # mentee through whom a mentor was reached
    root = np.full(len(partner), -1, dtype=np.int64)
    root[waiting] = waiting
    done = np.zeros(len(partner), dtype=bool)  # roots that have been seated
    frontier, progress = waiting, False
    before, used = partner.copy(), np.bincount(partner[partner >= 0], minlength=len(seats))
    while len(frontier):
        following = []
        for start in range(0, len(frontier), _MENTEES):
            group = frontier[start : start + _MENTEES]
            group = group[~done[root[group]]]
            for mentor, mentee in zip(*_expand(features, group, seen, full), strict=True):
                came_by[mentor], seen[mentor] = mentee, True
                if full[mentor]:
                    here = order[first[mentor] : first[mentor + 1]]
                    root[here] = root[mentee]
                    following.append(here)
                elif not done[root[mentee]]:
                    done[root[mentee]] = progress = True
                    if used[mentor] >= seats[mentor]:
                        _unseat_lowest(partner, ranks, int(mentor))
                    _shift(partner, before, came_by, int(mentor))
        frontier = np.concatenate(following) if following else np.zeros(0, dtype=np.int64)
        frontier = frontier[~done[root[frontier]]]
    return seen & ~before_search, progress


def _find_out_of_reach(features: Features) -> np.ndarray:
    reached = np.zeros(features.shape[0], dtype=bool)
    for start in range(0, features.shape[1], _MENTEES):
        group = np.arange(start, min(start + _MENTEES, features.shape[1]))
        reached[_expand(features, group, reached, ~reached)[0]] = True
        if reached.all():
            break
    return ~reached


def _expand(
    features: Features, mentees: np.ndarray, seen: np.ndarray, full: np.ndarray
) -> tuple[list[int], list[int]]:
    """New mentors whom these mentees may have, each with one of the mentees; free seats spread over them."""
    mentors, through = [], []
    unseen = np.flatnonzero(~seen)
    for start in range(0, len(unseen) if len(mentees) else 0, _MENTORS):
        block = unseen[start : start + _MENTORS]
        allowed = features.find_eligible(block, mentees)
        found = allowed.argmax(axis=1)
        free = np.flatnonzero(~full[block])
        # look at another mentee first for each free seat, so that as many as can be gain at once
        turn = (free[:, None] + np.arange(len(mentees))[None, :]) % len(mentees)
        turned = np.take_along_axis(allowed[free], turn, axis=1)
        found[free] = turn[np.arange(len(free)), turned.argmax(axis=1)]
        some = allowed[np.arange(len(block)), found]
        mentors += block[some].tolist()
        through += mentees[found][some].tolist()
    return mentors, through


def _unseat_lowest(partner: np.ndarray, ranks: np.ndarray, mentor: int) -> None:
    here = np.flatnonzero(partner == mentor)
    partner[here[np.argmin(ranks[here])]] = -1


def _shift(partner: np.ndarray, before: np.ndarray, came_by: np.ndarray, mentor: int) -> None:
    """Move everybody along the path that reached this mentor, who has a seat to give."""
    while mentor >= 0:
        mentee = int(came_by[mentor])
        partner[mentee], mentor = mentor, int(before[mentee])
