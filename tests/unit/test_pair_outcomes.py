"""Who is missing is for the committee alone, and an outcome is what a pair said beside the points it earned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from cohorts import at, make_cohort, mentee, mentor, pair

from mentoring.cohort import Cohort, Evaluation
from mentoring.evaluation import PairOutcome, learn_weights, list_figures, summarise_evaluation
from mentoring.evaluation.lesson_words import describe_lesson, list_lesson
from mentoring.evaluation.weights import Effect, WeightLesson
from mentoring.pair_outcomes import gather_outcomes, list_missing

WEIGHTS = {
    "topics": 300,
    "focus_areas": 200,
    "goals": 150,
    "library_type": 150,
    "time_zone": 100,
    "experience": 100,
}
HALF = {name: weight // 2 for name, weight in WEIGHTS.items()} | {"languages": 0}


def evaluate(match: int, role: str, **answers: str) -> Evaluation:
    key = f"2027-{role}-{match:03d}"
    return Evaluation(f"2027-match-{match:03d}", key, f"{role}{match}", at("2027-11-20"), answers)


def make_year(criteria: Mapping[str, int] = HALF, *evaluations: Evaluation, **changes: Any) -> Cohort:
    explanation = {"criteria": criteria} if criteria else {}
    people = [mentor(1), mentee(1), mentor(2), mentee(2)]
    matches = [pair(1, 1, explanation=explanation), pair(2, 2, explanation=explanation)]
    return make_cohort(people, matches, evaluations=evaluations, **changes)


def test_an_outcome_is_the_mean_of_both_sides_beside_the_shares() -> None:
    year = make_year(HALF, evaluate(1, "mentor", fit="5"), evaluate(1, "mentee", fit="4"))
    assert gather_outcomes(year) == [PairOutcome(dict.fromkeys(WEIGHTS, 0.5), 4.5)]


@pytest.mark.parametrize(
    ("criteria", "fit"),
    [({}, "5"), (HALF | {"topics": 301}, "5"), (HALF, "very"), (HALF, "")],
    ids=["erased", "other weights", "no number", "no answer"],
)
def test_what_can_not_be_known_is_left_out(criteria: Mapping[str, int], fit: str) -> None:
    assert gather_outcomes(make_year(criteria, evaluate(1, "mentor", fit=fit))) == []


def test_who_is_missing_is_named_on_the_tab_and_leaves_it_with_the_answer() -> None:
    year = make_year(HALF, evaluate(1, "mentor", fit="5"))
    assert len(list_missing(year)) == 3
    names = [year.name_of(f"2027-{key}") for key in ("mentee-001", "mentee-002", "mentor-002")]
    assert all(name in str(row["Figure"]) for name, row in zip(names, list_missing(year), strict=True))
    keys = {(row["Figure"], row["Group"]) for row in list_missing(year)}
    assert len(keys) == 3


def test_the_lesson_is_told_as_it_is() -> None:
    few = learn_weights([], WEIGHTS)
    assert describe_lesson(few).startswith("Not enough yet: 0 of the 120 pairs")
    effects = (
        Effect("topics", 300, 0.4, 0.1, 0.7, 150),
        Effect("focus_areas", 200, 0.5, -0.1, 1.1),
    )
    lesson = WeightLesson("change", 400, 120, effects)
    assert "topics 150 instead of 300" in describe_lesson(lesson)
    assert "focus" not in describe_lesson(lesson)
    rows = list_lesson(lesson)
    assert [row["Value"] for row in rows] == ["think about", "+0.4", "+0.5"]
    assert "95% interval -0.1 to +1.1; no change suggested" in str(rows[2]["Note"])
    assert "suggested" not in describe_lesson(WeightLesson("keep", 400, 120, effects[1:]))


def test_a_year_without_a_lesson_has_no_rows_of_it() -> None:
    summary = summarise_evaluation([], [], [])
    assert not [row for row in list_figures(summary) if str(row["Figure"]).startswith("Weights")]
