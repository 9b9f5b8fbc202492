"""Simulated truth: what pairs say is made from known weights, and the lesson finds them, or says that it can't."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from mentoring.evaluation import PairOutcome, WeightLesson, learn_weights
from mentoring.policy import Weights

TODAY = {name: weight for name, weight in Weights().model_dump().items() if weight}
#: Topics matter half as much as the committee thinks, goals more than twice as much.
TRUTH = TODAY | {"topics": 150, "goals": 350}


def live_through(truth: Mapping[str, int], pairs: int, seed: int, strength: float = 3.0) -> list[PairOutcome]:
    """Pairs whose two answers, 1 to 5, follow from the truth and as much chance."""
    chance = np.random.default_rng(seed)
    shares = chance.uniform(size=(pairs, len(truth)))
    weights = np.array(list(truth.values())) / max(sum(truth.values()), 1)
    felt = 3 + strength * (shares @ weights - 0.5)
    answers = np.clip(np.rint(felt[:, None] + chance.normal(0, 0.7, (pairs, 2))), 1, 5)
    return [
        PairOutcome(dict(zip(truth, map(float, row), strict=True)), float(answer.mean()))
        for row, answer in zip(shares, answers, strict=True)
    ]


def suggest(lesson: WeightLesson) -> dict[str, int]:
    return {item.criterion: item.suggested for item in lesson.effects if item.suggested is not None}


@pytest.mark.parametrize("seed", range(5))
def test_many_pairs_give_the_true_weights_back(seed: int) -> None:
    lesson = learn_weights(live_through(TRUTH, 6000, seed), TODAY)
    assert lesson.verdict == "change"
    suggested = suggest(lesson)
    assert {"topics", "goals"} <= set(suggested)
    assert suggested["topics"] == pytest.approx(150, abs=40)
    assert suggested["goals"] == pytest.approx(350, abs=40)


def test_the_intervals_hold_the_truth() -> None:
    """All six together in at least 95 of 100 worlds, less what chance takes off 100."""
    held = 0
    for seed in range(100):
        lesson = learn_weights(live_through(TRUTH, 500, seed, strength=2.0), TODAY)
        held += all(
            item.low <= 2.0 * TRUTH[item.criterion] / sum(TRUTH.values()) <= item.high
            for item in lesson.effects
        )
    assert held >= 88


@pytest.mark.parametrize("pairs", [0, 1, 5, 25, 60, 119])
def test_few_pairs_teach_nothing_however_clear_they_look(pairs: int) -> None:
    outcomes = [PairOutcome(dict.fromkeys(TODAY, at % 2), 1.0 + 4 * (at % 2)) for at in range(pairs)]
    assert learn_weights(outcomes, TODAY) == WeightLesson("too_few", pairs, 120)


def test_right_weights_are_left_alone() -> None:
    """At most one world in twenty suggests a change that is not there; of 100 allow what chance adds."""
    changed = sum(
        learn_weights(live_through(TODAY, 300, seed), TODAY).verdict == "change" for seed in range(100)
    )
    assert changed <= 12


def test_answers_that_have_nothing_to_do_with_the_points_suggest_nothing() -> None:
    lessons = [learn_weights(live_through(TODAY, 300, seed, strength=0.0), TODAY) for seed in range(100)]
    assert sum(bool(suggest(lesson)) for lesson in lessons) <= 5
    assert sum(lesson.verdict == "no_relation" for lesson in lessons) >= 90


def test_criteria_that_never_differ_or_say_the_same_teach_nothing() -> None:
    outcomes = live_through(TODAY, 200, 1)
    same = [PairOutcome({**pair.shares, "goals": 0.5}, pair.fit) for pair in outcomes]
    assert "goals" not in {item.criterion for item in learn_weights(same, TODAY).effects}
    twice = [PairOutcome({**pair.shares, "goals": pair.shares["topics"]}, pair.fit) for pair in outcomes]
    assert learn_weights(twice, TODAY) == WeightLesson("no_relation", 200, 120)
    nothing = [PairOutcome(dict.fromkeys(TODAY, 0.5), pair.fit) for pair in outcomes]
    assert learn_weights(nothing, TODAY) == WeightLesson("no_relation", 200, 120)


def test_a_criterion_that_is_switched_off_is_left_out() -> None:
    weights = TODAY | {"goals": 0}
    lesson = learn_weights(live_through(TODAY, 200, 1), weights)
    assert {item.criterion for item in lesson.effects} == set(TODAY) - {"goals"}
    assert learn_weights(live_through(TODAY, 200, 1), dict.fromkeys(TODAY, 0)).verdict == "too_few"
