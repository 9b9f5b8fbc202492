"""How the pairs fit, in words that describe and explain nothing away, and as rows of the `Evaluation` tab.

Belongs here: sentences for the board, cells for the committee. Does not belong here: the figures (`criteria`).
"""

from __future__ import annotations

from collections.abc import Iterator

from mentoring.evaluation.intervals import round_percent
from mentoring.evaluation.lesson_words import name_criterion
from mentoring.evaluation.rows import Row, make_row, note_share
from mentoring.evaluation.values import (
    FEWEST_ANSWERS,
    GROUPS,
    WITHHELD,
    CriterionFit,
    FitByCriterion,
    FitGroup,
)

NO_CAUSE = (
    "This describes the year's pairs and shows no cause: nobody was paired by lot, who fits in one way often fits in "
    "others, and people without a match are not seen."
)
#: How the groups are called, those with many points first.
MANY_WORDS, FEW_WORDS = "half or more", "less than half"


def write_fit(fit: FitByCriterion) -> list[str]:
    """Sentences on the points that the pairs got, and on what people with many and with few of them said."""
    if not fit.criteria:
        return [f"Fewer than {FEWEST_ANSWERS} pairs with known points are too few to describe."]
    return [_write_points(fit), *_write_answers(fit), NO_CAUSE]


def _write_points(fit: FitByCriterion) -> str:
    ranked = sorted(fit.criteria, key=lambda item: -item.earned)
    if len(ranked) == 1:
        return (
            f"The year's {fit.pairs} pairs got {_tell_earned(ranked[0])} of the possible points in the mean."
        )
    return (
        f"The year's {fit.pairs} pairs fit best in {_name(ranked[0])}, with {_tell_earned(ranked[0])} of the possible "
        f"points in the mean, and least in {_name(ranked[-1])}, with {_tell_earned(ranked[-1])}."
    )


def _name(item: CriterionFit) -> str:
    return f"“{name_criterion(item)}”"


def _tell_earned(item: CriterionFit) -> str:
    return f"{round_percent(item.earned)}%"


def _write_answers(fit: FitByCriterion) -> Iterator[str]:
    compared = [item for item in fit.criteria if item.difference]
    clear = [item for item in compared if item.difference and item.difference.is_clear]
    for item in clear:
        many, few = item.many.favourable, item.few.favourable
        assert many is not None, "compared criteria have both"
        assert few is not None, "compared criteria have both"
        yield (
            f"{_name(item)}: where the pair got {MANY_WORDS} of the points, {many.describe()} answered 4 or 5 to "
            f"“{fit.question}”; where it got {FEW_WORDS}, {few.describe()}. Chance alone hardly explains that."
        )
    if len(compared) > len(clear):
        rest = "; ".join(_name(item) for item in compared if item not in clear)
        yield (
            f"Whether pairs got half of the points or less, chance alone may explain how their answers differ: {rest}."
        )
    if len(compared) < len(fit.criteria):
        rest = "; ".join(_name(item) for item in fit.criteria if item not in compared)
        yield f"With too few answers on one side, nothing is compared: {rest}."


def list_fit(fit: FitByCriterion) -> Iterator[Row]:
    """Rows of the `Evaluation` tab: the sentences, then each criterion's points and the answers beside them."""
    yield make_row("Fit: pairs whose points are known", "Pairs", fit.pairs, note=" ".join(write_fit(fit)))
    for item in fit.criteria:
        points = f"{item.earned * item.weight:.0f} of {item.weight} points in the mean"
        note = f"{points}; {item.many.pairs} of {fit.pairs} pairs got {MANY_WORDS}"
        figure = f"Fit: share of the possible points for {name_criterion(item)}"
        yield make_row(figure, "Pairs", _tell_earned(item), note=note)
        for group, words in ((item.many, MANY_WORDS), (item.few, FEW_WORDS)):
            figure = f"Fit: answered 4 or 5 to “{fit.question}” with {words} of the points for {name_criterion(item)}"
            yield _list_group(figure, group)


def _list_group(figure: str, group: FitGroup) -> Row:
    share = group.favourable
    if share is None:
        return make_row(figure, GROUPS["all"], "–", group.answers, WITHHELD[group.withheld])
    return make_row(figure, GROUPS["all"], f"{share.percent}%", group.answers, note_share(share))
