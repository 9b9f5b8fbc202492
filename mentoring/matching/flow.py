"""The best matching over listed pairs only, and integer prices that prove it over them.

Belongs here: sparse minimum-cost flow and its duals. Does not belong here: which pairs are listed.

Sources: cost-scaling push-relabel (Goldberg and Tarjan 1990) as in OR-Tools' SimpleMinCostFlow; prices as
longest paths by Bellman-Ford, from the prices of the round before.
"""

from dataclasses import dataclass

import numpy as np

from mentoring.matching.pricing import Pairs


@dataclass(frozen=True)
class Round:
    """The best matching over some pairs: `partner` (int64, per mentee, -1: takes the fallback), `prices` and
    `wishes` (int64, per mentor and mentee): no listed pair scores above price + wish.
    """

    partner: np.ndarray
    prices: np.ndarray
    wishes: np.ndarray


def solve_listed(
    pairs: Pairs, seats: np.ndarray, fallback: np.ndarray, start: np.ndarray, wishes: np.ndarray
) -> Round:
    """Match over `pairs` (sorted by mentee) for most points; a mentee without a mentor earns `fallback`.

    `start` and `wishes` are prices and wishes from before: what is close to them is found soonest.
    """
    partner, now = solve_flow(pairs, seats, fallback, start, wishes)
    prices = _price(pairs, seats, fallback, partner, now, start)
    return Round(partner, prices, find_wishes_listed(pairs, prices, fallback))


def find_wishes_listed(pairs: Pairs, prices: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """Return what each mentee gains at best at these prices over `pairs` (sorted by mentee), or the fallback."""
    wishes = fallback.copy()
    if len(pairs):
        at = np.flatnonzero(np.diff(pairs.mentees, prepend=-1))
        mentees = pairs.mentees[at]
        gains = np.maximum.reduceat(pairs.scores - prices[pairs.mentors], at)
        wishes[mentees] = np.maximum(wishes[mentees], gains)
    return wishes


def solve_flow(
    pairs: Pairs, seats: np.ndarray, fallback: np.ndarray, prices: np.ndarray, wishes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the partner of each mentee (-1: none) and what the mentee earns there.

    Costs are taken less `prices` and `wishes`, which changes no path's order: near the best, little is left
    for the flow to settle.
    """
    from ortools.graph.python import min_cost_flow  # heavy, and only for large cohorts

    mentees, mentors = len(fallback), len(seats)
    flow = min_cost_flow.SimpleMinCostFlow()
    outside = mentees + mentors
    everyone = np.arange(mentees)
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        pairs.mentees.astype(np.int64),
        mentees + pairs.mentors.astype(np.int64),
        np.ones(len(pairs), np.int64),
        prices[pairs.mentors] + wishes[pairs.mentees] - pairs.scores,
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        mentees + np.arange(mentors), np.full(mentors, outside), seats, -prices
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        everyone, np.full(mentees, outside), np.ones(mentees, np.int64), wishes - fallback
    )
    flow.set_nodes_supplies(
        np.arange(outside + 1), np.r_[np.ones(mentees), np.zeros(mentors), -mentees].astype(np.int64)
    )
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise ArithmeticError(f"the flow of this matching could not be solved ({status}); please report this")
    used = np.flatnonzero(flow.flows(arcs)) if len(pairs) else np.zeros(0, dtype=np.int64)
    partner, now = np.full(mentees, -1, dtype=np.int64), fallback.copy()
    partner[pairs.mentees[used]] = pairs.mentors[used]
    now[pairs.mentees[used]] = pairs.scores[used]
    return partner, now


def _price(
    pairs: Pairs,
    seats: np.ndarray,
    fallback: np.ndarray,
    partner: np.ndarray,
    now: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """Least prices from `start` upwards at which nobody would rather move; free seats cost nothing.

    A difference system over mentors and one more node, outside, whose price becomes 0 in the end.
    """
    mentors = len(seats)
    home = np.where(partner >= 0, partner, mentors)
    matched = np.flatnonzero(partner >= 0)
    free = np.flatnonzero(np.bincount(partner[matched], minlength=mentors) < seats)
    origin = np.concatenate([home[pairs.mentees], partner[matched], free, np.full(mentors, mentors)])
    target = np.concatenate(
        [pairs.mentors, np.full(len(matched) + len(free), mentors), np.arange(mentors)]
    ).astype(np.int64)
    gain = np.concatenate(
        [
            pairs.scores - now[pairs.mentees],
            (fallback - now)[matched],
            np.zeros(len(free) + mentors, np.int64),
        ]
    )
    levels = np.append(np.maximum(start, 0), 0)
    _relax(origin, target, gain, levels)
    return np.asarray(levels[:-1] - levels[-1])


def _relax(origin: np.ndarray, target: np.ndarray, gain: np.ndarray, levels: np.ndarray) -> None:
    """Raise levels until level[target] >= level[origin] + gain for every arc (Bellman-Ford with a frontier)."""
    order = np.argsort(origin, kind="stable")
    target, gain = target[order], gain[order]
    first = np.searchsorted(origin[order], np.arange(len(levels) + 1))
    frontier = np.arange(len(levels))
    for _ in range(4 * len(levels) + 4):
        width = first[frontier + 1] - first[frontier]
        ends = np.cumsum(width)
        arcs = np.repeat(first[frontier] - ends + width, width) + np.arange(ends[-1] if len(ends) else 0)
        reached = np.repeat(levels[frontier], width) + gain[arcs]
        rising = reached > levels[target[arcs]]
        if not rising.any():
            return
        np.maximum.at(levels, target[arcs[rising]], reached[rising])
        frontier = np.unique(target[arcs[rising]])
    raise ArithmeticError("the prices of this matching do not settle; please report this")
