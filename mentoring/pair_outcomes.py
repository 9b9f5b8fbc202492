"""What the committee alone may see of an evaluation, and what it says pair by pair.

Belongs here: who has not answered yet, by name, and each pair's points beside what the two said. Does not belong here:
figures for the board (`mentoring.evaluation`), who is asked (`mentoring.completion`).
"""

from __future__ import annotations

from statistics import fmean

from mentoring.cohort import Cohort, Match
from mentoring.completion import list_asked, list_silent
from mentoring.desk import Cell
from mentoring.evaluation import PairOutcome
from mentoring.evaluation.answers import read_scale
from mentoring.evaluation.values import FIT, GROUPS, PairPoints
from mentoring.program import Question


def gather_outcomes(cohort: Cohort) -> list[PairOutcome]:
    """Pairs of which somebody said how well they fit, with the share of its weight that each criterion earned.

    A pair whose points were erased, or that the committee paired under other weights than the points tell, is left
    out where a share can't be known.
    """
    fits: dict[str, list[int]] = {}
    for item in cohort.evaluations:
        step = read_scale(item.answers.get(FIT, ""))
        if step is not None:
            fits.setdefault(item.match_id, []).append(step)
    outcomes = []
    for match_id, steps in sorted(fits.items()):
        shares = _find_shares(cohort, cohort.matches[match_id])
        if shares:
            outcomes.append(PairOutcome(shares, fmean(steps)))
    return outcomes


def _find_shares(cohort: Cohort, match: Match) -> dict[str, float]:
    """The share of its weight that each criterion earned; nothing where one can't be known."""
    weights = {name: weight for name, weight in cohort.policy.weights.model_dump().items() if weight > 0}
    points = match.explanation.get("criteria", {})
    if any(name not in points or points[name] > weight for name, weight in weights.items()):
        return {}
    return {name: points[name] / weight for name, weight in weights.items()}


def gather_points(cohort: Cohort, question: Question) -> list[PairPoints]:
    """Every introduced pair whose points are known, with what those of the two answered who were asked `question`."""
    asked = {
        (match.match_id, key)
        for match, key in list_asked(cohort)
        if question.role in ("both", cohort.applications[key].role)
    }
    answers: dict[str, list[int]] = {}
    for item in cohort.evaluations:
        step = read_scale(item.answers.get(question.id, ""))
        if step is not None and (item.match_id, item.application_id) in asked:
            answers.setdefault(item.match_id, []).append(step)
    shares = {
        key: _find_shares(cohort, match) for key, match in cohort.matches.items() if match.introduced_at
    }
    return [PairPoints(found, tuple(answers.get(key, ()))) for key, found in sorted(shares.items()) if found]


def list_missing(cohort: Cohort) -> list[dict[str, Cell]]:
    """A row of the `Evaluation` tab for everybody who was asked and has not answered yet."""
    missing = [
        (cohort.applications[key], cohort.applications[match.find_partner(key)])
        for match, key in list_silent(cohort)
        if cohort.applications[key].name
    ]
    return [
        {
            "Figure": f"Not answered yet: {person.name}, {person.application_id}, about {partner.name or 'a partner'}",
            "Group": GROUPS[person.role],
            "Value": "",
            "Answers": "",
            "Note": "For the committee alone; the board's report names nobody.",
        }
        for person, partner in sorted(missing, key=lambda pair: (pair[0].role, pair[0].name))
    ]
