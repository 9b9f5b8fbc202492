"""What another choice would cost: exact prices of single changes to a best matching.

Belongs here: shortest exchange paths and what follows from them. Does not belong here: finding the matching,
sentences.

Source: forcing one pair into a minimum-cost flow costs the shortest residual cycle through it (Ahuja,
Magnanti, Orlin 1993, chapter 9). Nodes are mentors and one more, `outside`, for having no mentor and for
seats that stay free.
"""

from dataclasses import dataclass

import numpy as np

from mentoring.matching.assignment import NEVER, Solution, find_moves, find_wishes

MOST_EXACT_MENTORS = 1_000
"""Up to here all exchange paths are computed (time grows with the cube); above, costs are stated lower
bounds.
"""


@dataclass(frozen=True)
class Exchanges:
    """Costs of changes to one solution, in worth (float64 with integer values, inf where impossible).

    `costs` is mentors × mentees: what is lost when the pair is chosen (0 for chosen pairs). `paths` is
    (mentors + 1)²: the least lost when one mentee more is at a and one less at b; None where only lower
    bounds were computed.
    """

    costs: np.ndarray
    paths: np.ndarray | None

    @property
    def are_exact(self) -> bool:
        """Return whether costs are exact rather than lower bounds."""
        return self.paths is not None


def price_exchanges(
    worth: np.ndarray, wide: np.ndarray, capacity: np.ndarray, solution: Solution
) -> Exchanges:
    """Cost of choosing each pair; worth and capacity as they were solved, `wide` also where there is no seat.

    Paths may end at a mentor without a seat: they tell what one more seat there is worth.
    """
    mentors, mentees = worth.shape
    usable = (worth > 0) & (capacity > 0)[:, None]
    if mentors > MOST_EXACT_MENTORS:
        slack = find_wishes(worth, solution.prices)[None, :] + solution.prices[:, None] - worth
        return Exchanges(np.where(usable, slack, np.inf), None)
    paths = _find_paths(_list_arcs(wide, capacity, solution.partner))
    home = np.where(solution.partner >= 0, solution.partner, mentors)
    now = np.vstack([worth, np.zeros((1, mentees), dtype=np.int64)])[home, np.arange(mentees)]
    costs = np.where(usable, paths[:-1, :][:, home] + now[None, :] - worth, np.inf)
    costs[solution.partner[solution.partner >= 0], np.flatnonzero(solution.partner >= 0)] = 0
    return Exchanges(costs, paths)


def value_extra_seats(worth: np.ndarray, paths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What an unmatched mentee wins when each mentor in turn has one more seat (float64, -inf where nothing).

    `worth` is the mentee's, per mentor. Also returns the mentor whom the mentee would get in each case.
    """
    possible = np.flatnonzero(worth > 0)
    if not len(possible):
        return np.full(len(worth), -np.inf), np.zeros(len(worth), dtype=np.int64)
    won = worth[possible][:, None] - paths[possible, :-1]
    via = won.argmax(axis=0)
    return won[via, np.arange(won.shape[1])], possible[via]


def _list_arcs(worth: np.ndarray, capacity: np.ndarray, partner: np.ndarray) -> np.ndarray:
    mentors = worth.shape[0]
    arcs = np.full((mentors + 1, mentors + 1), np.inf)
    np.fill_diagonal(arcs, 0)
    owners, wins = find_moves(worth, partner)
    arcs[owners, :-1] = np.minimum(arcs[owners, :-1], np.where(wins > NEVER, -wins, np.inf))
    for owner in owners:  # a mentee leaves, and a place becomes free
        arcs[owner, mentors] = worth[owner, partner == owner].min()
    free = np.bincount(partner[partner >= 0], minlength=mentors) < capacity
    arcs[:-1, mentors][free] = 0
    arcs[mentors, owners] = 0
    waiting = worth[:, partner < 0].max(axis=1, initial=0)
    arcs[mentors, :-1] = np.where(waiting > 0, np.minimum(arcs[mentors, :-1], -waiting), arcs[mentors, :-1])
    return arcs


def _find_paths(arcs: np.ndarray) -> np.ndarray:
    """All shortest paths (Floyd-Warshall): the arcs of an optimum have no negative cycle."""
    paths = arcs.copy()
    for via in range(len(paths)):
        np.minimum(paths, paths[:, via, None] + paths[None, via, :], out=paths)
    return paths
