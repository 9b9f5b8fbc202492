"""How the year's pairs fit, criterion by criterion, beside what people answered to the overall question.

A description of the pairs there are, for nobody drew them by lot: what causes what is not seen here, and what the
answers say of the weights is asked in `weights`. Belongs here: counting and withholding. Does not belong here: which
pairs and answers those are (`mentoring.pair_outcomes`), and words (`criteria_words`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from mentoring.evaluation.comparison import ANSWERS_OF_A_PAIR, compare_shares
from mentoring.evaluation.intervals import Share
from mentoring.evaluation.values import (
    FEWEST_ANSWERS,
    CriterionFit,
    FitByCriterion,
    FitGroup,
    PairPoints,
)

#: A pair with half of a criterion's points or more has many of them. The same every year, unlike a median.
MANY = 0.5


def describe_fit(question: str, pairs: Sequence[PairPoints], weights: Mapping[str, int]) -> FitByCriterion:
    """Return each criterion's points and answers. `weights` are points by criterion; 0 is switched off."""
    if len(pairs) < FEWEST_ANSWERS:
        return FitByCriterion(question, len(pairs))
    found = [_describe_criterion(name, weight, pairs) for name, weight in weights.items() if weight > 0]
    both = [item for item in found if item.many.favourable and item.few.favourable]
    criteria = (_add_difference(item, len(both)) for item in found)
    return FitByCriterion(question, len(pairs), tuple(criteria))


def _describe_criterion(name: str, weight: int, pairs: Sequence[PairPoints]) -> CriterionFit:
    many = [pair for pair in pairs if pair.shares[name] >= MANY]
    few = [pair for pair in pairs if pair.shares[name] < MANY]
    earned = fmean(pair.shares[name] for pair in pairs)
    return CriterionFit(name, weight, earned, _describe_group(many, few), _describe_group(few, many))


def _describe_group(pairs: Sequence[PairPoints], others: Sequence[PairPoints]) -> FitGroup:
    answers = _list_answers(pairs)
    if len(answers) < FEWEST_ANSWERS:
        return FitGroup(len(pairs), len(answers), "too_few")
    # The answers of all together are shown elsewhere, so that the difference would show the few.
    if 0 < len(_list_answers(others)) < FEWEST_ANSWERS:
        return FitGroup(len(pairs), len(answers), "would_reveal")
    share = Share.measure(sum(step >= 4 for step in answers), len(answers))
    return FitGroup(len(pairs), len(answers), "", share)


def _list_answers(pairs: Sequence[PairPoints]) -> list[int]:
    return [step for pair in pairs for step in pair.answers]


def _add_difference(item: CriterionFit, comparisons: int) -> CriterionFit:
    many, few = item.many.favourable, item.few.favourable
    if not many or not few:
        return item
    return replace(item, difference=compare_shares(many, few, "", comparisons, ANSWERS_OF_A_PAIR))
