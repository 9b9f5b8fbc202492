"""What the committee looks at before it decides: every open proposal in full, and who could be with whom.

Belongs here: which facts stand side by side, and the map of possible pairs, as values. Does not belong here: the page
(`tasks.review_pages`), scores and rules (`mentoring.matching`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mentoring.cohort import Application, Cohort, Match

if TYPE_CHECKING:
    import pandas as pd

    from mentoring.matching import Matching

#: A larger map is nothing that one can look at.
MOST_ON_MAP = 60 * 60
#: Label, the mentor's field and the mentee's.
FACTS = (
    ("Institution", "institution", "institution"),
    ("Years of experience", "years_experience", "years_experience"),
    ("Type of library (mentee: wanted)", "library_type", "desired_library_type"),
    ("Topics (offered, wanted)", "topics_offered", "topics_wanted"),
    ("Focus areas", "focus_areas", "focus_areas"),
    ("Experience and goals", "experience_text", "goals_text"),
    ("Ways to talk", "channels", "channels"),
    ("Languages", "languages", "languages"),
    ("Time zone", "time_zone", "time_zone"),
)


@dataclass(frozen=True)
class PairingMap:
    """Everybody who was free in one run of the engine, by application id.

    `points` has a row for each mentee and a column for each mentor; None where a rule forbids the pair. It is empty
    for more than `MOST_ON_MAP` pairs. `advice` are sentences on whom to recruit, with ids in braces.
    """

    mentors: tuple[str, ...] = ()
    mentees: tuple[str, ...] = ()
    points: tuple[tuple[int | None, ...], ...] = ()
    advice: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReviewedPair:
    """One open proposal with names in every sentence; `criteria` are (name, points, weight)."""

    match_id: str
    mentor: str
    mentee: str
    points: int
    state: str
    criteria: tuple[tuple[str, int, int], ...]
    why: str
    watch_outs: str
    runner_ups: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Cell:
    """One possible pair on the map: its points (None: not allowed), its shade (0 to 4), whether it is proposed."""

    points: int | None
    shade: int
    is_proposed: bool


@dataclass(frozen=True)
class MatchReview:
    """Everything on the page: open proposals, then the map by names, then advice."""

    pairs: tuple[ReviewedPair, ...]
    mentors: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    advice: tuple[str, ...]


def draw_map(result: Matching, mentors: pd.DataFrame, mentees: pd.DataFrame) -> PairingMap:
    """The map of one run of the engine, from the tables that it was given."""
    advice = tuple(str(item["sentence"]) for item in result.summary.get("recruiting", ()))
    if not 0 < len(mentors) * len(mentees) <= MOST_ON_MAP:
        return PairingMap(advice=advice)
    points, eligible = result.scores()
    rows = tuple(
        tuple(
            int(score) if allowed else None
            for score, allowed in zip(points[:, at], eligible[:, at], strict=True)
        )
        for at in range(len(mentees))
    )
    return PairingMap(tuple(mentors["person_id"]), tuple(mentees["person_id"]), rows, advice)


def review_matches(cohort: Cohort, pairing: PairingMap) -> MatchReview:
    """Return the review of the proposals that are open now, best first, with `pairing` by names."""
    names = {key: cohort.name_of(key) for key in cohort.applications}
    open_matches = sorted(cohort.list_matches("proposed"), key=lambda match: (-match.points, match.match_id))
    proposed = {match.pair for match in open_matches}
    scores = [score for row in pairing.points for score in row if score is not None]
    shade = _make_shade(min(scores, default=0), max(scores, default=0))
    rows = tuple(
        (
            names[mentee],
            tuple(
                Cell(score, shade(score), (mentor, mentee) in proposed)
                for mentor, score in zip(pairing.mentors, row, strict=True)
            ),
        )
        for mentee, row in zip(pairing.mentees, pairing.points, strict=True)
    )
    return MatchReview(
        tuple(_review_pair(cohort, match, names) for match in open_matches),
        tuple(names[key] for key in pairing.mentors),
        rows,
        tuple(_put_names(sentence, names) for sentence in pairing.advice),
    )


def _make_shade(lowest: int, highest: int) -> Callable[[int | None], int]:
    """Fifths of the range, so that the map shows differences however alike the points are."""
    return lambda score: 0 if score is None else 5 * (score - lowest) // (highest - lowest + 1)


def _put_names(sentence: str, names: Mapping[str, str]) -> str:
    from mentoring.matching import name_people

    return name_people(sentence, names)


def _review_pair(cohort: Cohort, match: Match, names: Mapping[str, str]) -> ReviewedPair:
    told, weights = match.explanation, cohort.policy.weights.model_dump()
    earned = told.get("criteria", {})
    mentor, mentee = (cohort.applications[key] for key in match.pair)
    return ReviewedPair(
        match_id=match.match_id,
        mentor=names[match.mentor_application_id],
        mentee=names[match.mentee_application_id],
        points=match.points,
        state="on hold" if match.is_held else "waits for a decision",
        criteria=tuple(
            (name.replace("_", " "), int(earned[name]), weight)
            for name, weight in weights.items()
            if weight and name in earned
        ),
        why=_put_names(told.get("why", ""), names),
        watch_outs=_put_names(told.get("watch_outs", ""), names),
        runner_ups=tuple(_put_names(sentence, names) for sentence in told.get("runner_ups", ())),
        facts=tuple(_compare_facts(mentor, mentee)),
    )


def _compare_facts(mentor: Application, mentee: Application) -> Iterator[tuple[str, str, str]]:
    for label, of_mentor, of_mentee in FACTS:
        values = mentor.answers.get(of_mentor, ""), mentee.answers.get(of_mentee, "")
        if any(values):
            yield label, *values
