"""Mends a matching that was best until pairs were listed or prices moved: only what changed is solved again.

Belongs here: the primal-dual search from whoever lost their place, over listed pairs. Does not belong here:
solving from nothing (mentoring.matching.flow), which pairs are listed.

Source: the primal-dual method for the transportation problem (Ford and Fulkerson 1957), with prices moved by
shortest distances (Edmonds and Karp 1972) and a largest flow over tight pairs. Many searches grow at once, each as
far as its own way out, and stop where they meet (as the trees of Kolmogorov's Blossom V, 2009): far apart, they are
one step together.
"""

import itertools

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from mentoring.matching.flow import Round, find_wishes_listed
from mentoring.matching.pricing import Pairs

SIGHT = 4  # times the limit of a search: pairs in view


def count_displaced(pairs: Pairs, fallback: np.ndarray, prices: np.ndarray, partner: np.ndarray) -> int:
    """Count the mentees who would rather be elsewhere at these prices: what there is to mend."""
    wishes = find_wishes_listed(pairs, prices, fallback)
    return int(np.count_nonzero((_keep_home(pairs, prices, wishes, partner) < 0) & (wishes > fallback)))


def mend_round(
    pairs: Pairs,
    seats: np.ndarray,
    fallback: np.ndarray,
    prices: np.ndarray,
    partner: np.ndarray,
    most_steps: int | None = None,
) -> tuple[Round, bool]:
    """Return the best matching over `pairs` (sorted by mentee), found from a nearly best one, and True.

    `prices` (int64 >= 0) and `partner` may be any; the closer they are to the best, the less there is to do. What
    `most_steps` are not enough for comes back unfinished, nearer to the best, and with False.
    """
    mending = _Mending(pairs, seats, fallback, prices, partner)
    done = mending.run(most_steps)
    return Round(mending.home, mending.prices, mending.wishes), done


def _keep_home(pairs: Pairs, prices: np.ndarray, wishes: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Partner of each mentee who is content with it at these prices, else -1."""
    home = np.full(len(partner), -1, dtype=np.int64)
    own = np.flatnonzero(partner[pairs.mentees] == pairs.mentors)
    mentees, mentors = pairs.mentees[own], pairs.mentors[own]
    tight = pairs.scores[own] == prices[mentors] + wishes[mentees]
    home[mentees[tight]] = mentors[tight]
    return home


class _Mending:
    """The state between two steps: no listed pair exceeds its prices, and who has a home is content there.

    Nodes of the search are mentees, then mentors. What may still be wrong: mentees without a home who wish for
    more than their fallback, and free seats with a price.
    """

    def __init__(
        self, pairs: Pairs, seats: np.ndarray, fallback: np.ndarray, prices: np.ndarray, partner: np.ndarray
    ) -> None:
        self.pairs, self.seats, self.fallback = pairs, seats, fallback
        self.prices = np.maximum(prices, 0)
        self.wishes = find_wishes_listed(pairs, self.prices, fallback)
        self.home = _keep_home(pairs, self.prices, self.wishes, partner)
        self.limit = 4
        self.sight = -1  # how far the slack of the pairs in view reaches

    def run(self, most_steps: int | None) -> bool:
        """Seat the mentees, then fill the seats; False if the steps were not enough."""
        for _ in itertools.count() if most_steps is None else range(most_steps):
            if len(waiting := self._find_waiting()):
                self._step(waiting, forward=True)
            elif len(owed := np.flatnonzero(self._count_owed())):
                self._step(len(self.home) + owed, forward=False)
            else:
                return True
        return False

    def _find_waiting(self) -> np.ndarray:
        return np.flatnonzero((self.home < 0) & (self.wishes > self.fallback))

    def _count_free(self) -> np.ndarray:
        return self.seats - np.bincount(self.home[self.home >= 0], minlength=len(self.seats))

    def _count_owed(self) -> np.ndarray:
        return np.where(self.prices > 0, self._count_free(), 0)

    def _step(self, sources: np.ndarray, *, forward: bool) -> None:
        """Move prices around each source until it has a tight path or meets another's, and use all tight paths."""
        self._look_around()
        graph = self._draw_graph()
        graph = graph if forward else graph.T.tocsr()
        distance, _, nearest = dijkstra(
            graph, indices=sources, min_only=True, limit=self.limit, return_predecessors=True
        )
        ways_out = distance + self._price_exits(forward)
        near = np.flatnonzero(distance <= self.limit)
        place, cell = np.full((2, len(distance)), -1)
        place[sources] = np.arange(len(sources))
        cell[near] = place[nearest[near]]
        cuts = np.full(len(sources), float(self.limit))
        np.minimum.at(cuts, cell[near], ways_out[near])
        _stop_at_contacts(graph, distance, cell, cuts)
        cut = np.where(cell >= 0, cuts[cell], -1)
        moved = np.maximum(cut[near] - distance[near], 0).astype(np.int64)
        self._move(near, moved if forward else -moved)
        self.sight -= int(cuts.max())  # no slack shrinks by more
        self._push(sources, distance <= cut, ways_out <= cut, forward)
        self._aim(int(np.median(cuts)))

    def _move(self, nodes: np.ndarray, by: np.ndarray) -> None:
        at = np.searchsorted(nodes, len(self.wishes))
        self.wishes[nodes[:at]] -= by[:at]
        self.prices[nodes[at:] - len(self.wishes)] += by[at:]

    def _aim(self, usual: int) -> None:
        """Look further when most had to stop there, and less far when they came to an end long before."""
        if usual == self.limit:
            self.limit *= 2
        elif 4 * usual < self.limit:
            self.limit = max(2 * usual, 1)

    def _look_around(self) -> None:
        """Keep the pairs in view that could become tight within the limit."""
        if self.limit <= self.sight:
            return
        self.sight = SIGHT * self.limit
        slack = self.prices[self.pairs.mentors] + self.wishes[self.pairs.mentees] - self.pairs.scores
        self.view = self.pairs.take(np.flatnonzero(slack <= self.sight))

    def _draw_graph(self) -> csr_array:
        """Draw mentee → mentor at the slack of their pair, and mentor → own mentees at 0."""
        slack = self.prices[self.view.mentors] + self.wishes[self.view.mentees] - self.view.scores
        short = np.flatnonzero(slack <= self.limit)
        nodes = len(self.wishes) + len(self.prices)
        order = np.argsort(self.home, kind="stable")
        seated = order[np.count_nonzero(self.home < 0) :]
        first = np.searchsorted(self.view.mentees[short], np.arange(len(self.wishes) + 1))
        ends = len(short) + np.searchsorted(self.home[seated], np.arange(len(self.prices)), side="right")
        return csr_array(
            (
                np.concatenate([slack[short], np.zeros(len(seated), dtype=np.int64)]).astype(np.float64),
                np.concatenate([len(self.wishes) + self.view.mentors[short], seated]).astype(np.int32),
                np.concatenate([first, ends]).astype(np.int32),
            ),
            shape=(nodes, nodes),
        )

    def _price_exits(self, forward: bool) -> np.ndarray:
        """What it costs at each node that somebody takes the fallback, or that a seat is or becomes free."""
        if forward:
            free = (self.prices == 0) & (self._count_free() > 0)
            return np.concatenate([self.wishes - self.fallback, np.where(free, 0, np.inf)])
        return np.concatenate([np.where(self.home < 0, 0, np.inf), self.prices])

    def _push(self, sources: np.ndarray, near: np.ndarray, exits: np.ndarray, forward: bool) -> None:
        """Send as many as can along tight pairs among the near nodes, from the sources to seats owed and exits."""
        mentees = len(self.wishes)
        left, right = self.view.mentees, self.view.mentors
        among = np.flatnonzero(near[left] & near[mentees + right])
        left, right = left[among].astype(np.int64), right[among].astype(np.int64)
        tight = self.prices[right] + self.wishes[left] == self.view.scores[among]
        left, right = left[tight], right[tight]
        own = self.home[left] == right
        balance = np.where(near, self._weigh(sources, exits, forward), 0)
        tail, head = np.where(own, mentees + right, left), np.where(own, left, mentees + right)
        at, number = np.flatnonzero(balance), np.cumsum(near) + 1
        used = _find_flow(number[tail], number[head], number[at], balance[at])
        self.home[left[used & own]] = -1
        self.home[left[used & ~own]] = right[used & ~own]

    def _weigh(self, sources: np.ndarray, exits: np.ndarray, forward: bool) -> np.ndarray:
        """How many can set out at each node (> 0) or end there (< 0)."""
        mentees = len(self.wishes)
        free, owed = self._count_free(), self._count_owed()
        balance = np.zeros(len(exits), dtype=np.int64)
        if forward:
            balance[:mentees] = -exits[:mentees].astype(np.int64)
            balance[sources] += 1
            balance[mentees:] = -np.where(exits[mentees:] | (owed > 0), free, 0)
        else:
            balance[:mentees] = exits[:mentees]
            balance[mentees:] = np.where(exits[mentees:], self.seats - free, -owed)
        return balance


def _stop_at_contacts(graph: csr_array, distance: np.ndarray, cell: np.ndarray, cuts: np.ndarray) -> None:
    """Lower the cuts of sources, in place, to where they meet one that stops earlier and so does not give way.

    `cell` is the source nearest to each node (-1: none within sight), `cuts` how far each source moves prices.
    """
    tail, head = np.repeat(np.arange(len(distance)), np.diff(graph.indptr)), graph.indices
    mine, other = cell[tail], cell[head]
    met = distance[tail] + graph.data
    meeting = np.flatnonzero((mine != other) & (mine >= 0) & (other >= 0) & (met < cuts[mine]))
    mine, other, met = mine[meeting], other[meeting], met[meeting]
    while True:
        bar = np.maximum(met, cuts[other])
        late = np.flatnonzero(bar < cuts[mine])
        if not len(late):
            return
        np.minimum.at(cuts, mine[late], bar[late])


def _find_flow(tail: np.ndarray, head: np.ndarray, ends: np.ndarray, balance: np.ndarray) -> np.ndarray:
    """Which arcs (bool) a largest flow uses, each at most once, from ends of positive balance to negative ones.

    Nodes are numbered from 2: 0 and 1 are the source and the sink.
    """
    from ortools.graph.python import max_flow  # heavy, and only for large cohorts

    out = balance > 0
    flow = max_flow.SimpleMaxFlow()
    arcs = flow.add_arcs_with_capacity(tail, head, np.ones(len(tail), dtype=np.int64))
    flow.add_arcs_with_capacity(np.where(out, 0, ends), np.where(out, ends, 1), np.abs(balance))
    if flow.solve(0, 1) != flow.OPTIMAL:
        raise ArithmeticError("tight pairs could not be used; please report this")
    return np.asarray(flow.flows(arcs) > 0) if len(tail) else np.zeros(0, dtype=bool)
