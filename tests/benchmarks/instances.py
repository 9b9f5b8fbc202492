"""Made-up scored cohorts for the benchmarks, as features in memory.

Belongs here: inputs of known shape. Does not belong here: engines, figures.

- `typical`: 96 words of text, 12 topics and 12 focus areas, years, time zones, institutions that may not meet.
- `ties`: coarse answers only, a few hundred different profiles.
- `pareto`: typical, and some mentors appeal to everybody far more than others.
- `picky`: typical, and a third of the mentees can have only an eighth of the mentors, so that neither all mentees
  nor all seats can be used.

Seats: `loose` 1 to 3 a mentor for as many mentees as mentors, `tight` 1 for as many mentees, `short` 1 for
20 % more mentees.
"""

import numpy as np

from mentoring.matching.features import FORBIDDEN, Exclusions, Features, join_features

KINDS = ("typical", "ties", "pareto", "picky")
SEATS = ("loose", "tight", "short")

Table = tuple[np.ndarray, np.ndarray]


def make_instance(people: int, kind: str, seats: str, seed: int = 0) -> tuple[Features, np.ndarray]:
    """Return features and the seats of each mentor (int64)."""
    source = np.random.default_rng([seed, people])
    mentees = people * 6 // 5 if seats == "short" else people
    capacity = source.integers(1, 4, people) if seats == "loose" else np.ones(people, dtype=np.int64)
    tables = _draw_ties(source, people, mentees) if kind == "ties" else _draw_typical(source, people, mentees)
    if kind == "pareto":
        appeal = np.minimum(source.pareto(1.5, people) * 60, 600).astype(np.int64)
        tables.append((appeal[:, None], np.ones((mentees, 1), dtype=np.int64)))
    if kind == "picky":
        few = (np.arange(people) >= people // 8).astype(np.int64)
        picky = (np.arange(mentees) < mentees // 3).astype(np.int64)
        tables.append((few[:, None], -FORBIDDEN * picky[:, None]))
    institutions = tuple(source.integers(0, max(people // 3, 2), size) for size in (people, mentees))
    most = 260 if kind == "ties" else 1600
    return join_features(tables, exclusions=Exclusions((institutions,)), lowest=0, most=most), capacity


def _draw_ties(source: np.random.Generator, mentors: int, mentees: int) -> list[Table]:
    tables = []
    for answers, points in ((6, 50), (4, 100), (3, 50), (5, 30)):
        table = source.integers(0, 3, (answers, answers)) * points // 2
        marked = np.eye(answers, dtype=np.int64)[source.integers(0, answers, mentors)]
        tables.append((marked, table[source.integers(0, answers, mentees)]))
    return tables


def _draw_typical(source: np.random.Generator, mentors: int, mentees: int) -> list[Table]:
    tables = [_draw_texts(source, mentors, mentees)]
    for ranked in ((150, 100, 50), (100, 100)):
        offered = (source.random((mentors, 12)) < 0.33).astype(np.int64)
        wanted = np.zeros((mentees, 12), dtype=np.int64)
        for points in ranked:
            wanted[np.arange(mentees), source.integers(0, 12, mentees)] = points
        tables.append((offered, wanted))
    ahead = np.arange(8, 39)[:, None] - np.arange(12)[None, :]
    rated = np.maximum(0, 100 - 10 * np.abs(ahead - 10)) - FORBIDDEN * (ahead < 3)
    tables.append(
        (rated[source.integers(0, 31, mentors)], np.eye(12, dtype=np.int64)[source.integers(0, 12, mentees)])
    )
    apart = np.abs(np.arange(24)[:, None] - np.arange(24)[None, :])
    hours = np.maximum(0, 100 - 12 * np.minimum(apart, 24 - apart))
    zones = source.dirichlet(np.full(24, 0.5))
    marked = np.eye(24, dtype=np.int64)[source.choice(24, mentors, p=zones)]
    tables.append((marked, hours[source.choice(24, mentees, p=zones)]))
    return tables


def _draw_texts(source: np.random.Generator, mentors: int, mentees: int) -> Table:
    """Texts of up to eight of 96 words, rare words telling more; cosine times 400, rounded down."""
    shares = np.arange(1, 97) ** -0.7
    shares /= shares.sum()
    sides = []
    for people in (mentors, mentees):
        vectors = np.zeros((people, 96))
        for _ in range(8):
            vectors[np.arange(people), source.choice(96, people, p=shares)] = 1
        vectors *= 1 - np.log2(shares)
        vectors /= np.sqrt((vectors**2).sum(axis=1, keepdims=True))
        sides.append(np.floor(vectors * 20).astype(np.int64))
    return sides[0], sides[1]
