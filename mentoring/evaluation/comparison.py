"""The year's figures beside those of the earlier years that the database keeps.

Belongs here: which shares are compared, and how far chance alone may move them. Does not belong here: a year's own
figures (`summary`), and words (`comparison_words`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mentoring.evaluation.comparison_values import Difference, Measure, YearComparison, YearFigure
from mentoring.evaluation.intervals import Share, difference_interval
from mentoring.evaluation.summary import withhold_small_groups
from mentoring.evaluation.values import (
    FEWEST_ANSWERS,
    GROUPS,
    WITHHELD,
    EvaluationSummary,
    Group,
    ScaleSummary,
)

#: A year by its cohort's name.
Year = tuple[str, EvaluationSummary]
CONFIDENCE = 0.95
#: The two of a pair may say the same: then two answers tell no more than one.
ANSWERS_OF_A_PAIR = 2
RESPONSE: dict[Group, str] = {
    "all": "Answered the evaluation",
    "mentor": "Mentors who answered the evaluation",
    "mentee": "Mentees who answered the evaluation",
}


def compare_years(this: Year, earlier: Sequence[Year]) -> YearComparison:
    """Return this year beside the earlier ones, which come the earliest first.

    Intervals of differences hold together at 95 % (Bonferroni): of many figures, one always moves by chance.
    """
    years = [*earlier, this]
    applications = tuple(
        (name, year.year_counts.get("applications.mentor", 0), year.year_counts.get("applications.mentee", 0))
        for name, year in years
    )
    if not earlier:
        return YearComparison(applications)
    measures = [
        Measure(
            "Mentees who got a mentor",
            GROUPS["mentee"],
            "accepted mentees",
            tuple(map(_measure_matched, years)),
        ),
        Measure(
            "Pairs that completed the year",
            "Pairs",
            "pairs introduced",
            tuple(map(_measure_completed, years)),
        ),
        *(
            Measure(
                name,
                GROUPS[group],
                "invitations",
                tuple(_measure_response(year, group) for year in years),
                ANSWERS_OF_A_PAIR if group == "all" else 1,
            )
            for group, name in RESPONSE.items()
        ),
        *(_measure_scale(scale, years) for scale in this[1].scales),
    ]
    return YearComparison(applications, _add_differences(measures))


def compare_shares(share: Share, earlier: Share, since: str, comparisons: int, alike: int = 1) -> Difference:
    """The difference of two shares of different people, with an interval that allows for so many comparisons.

    It counts so many answers as one as may be `alike`.
    """
    confidence = 1 - (1 - CONFIDENCE) / max(comparisons, 1)
    low, high = difference_interval(
        share.count / alike, share.total / alike, earlier.count / alike, earlier.total / alike, confidence
    )
    return Difference(since, share.value - earlier.value, low, high)


def _figure(name: str, count: int, total: int, remark: str = "") -> YearFigure:
    if not remark and total < FEWEST_ANSWERS:
        remark = WITHHELD["too_few"] if total else "nothing to count"
    return YearFigure(name, total, None if remark else Share.measure(count, total), remark=remark)


def _measure_matched(year: Year) -> YearFigure:
    name, summary = year
    counts = summary.year_counts
    return _figure(name, counts.get("matched.mentee", 0), counts.get("accepted.mentee", 0))


def _measure_completed(year: Year) -> YearFigure:
    name, summary = year
    counts = summary.year_counts
    # A pair that is under way has not failed to complete.
    remark = "pairs are still under way" if counts.get("active", 0) else ""
    return _figure(name, counts.get("ended.completed", 0), counts.get("introduced", 0), remark)


def _measure_response(year: Year, group: Group) -> YearFigure:
    name, summary = year
    rates = {rate.group: rate for rate in summary.response}
    withheld = withhold_small_groups({role: rates[role].invited for role in ("mentor", "mentee")})
    rate = rates[group]
    return _figure(name, rate.answered, rate.invited, WITHHELD[withheld[group]] if rate.invited else "")


def _measure_scale(scale: ScaleSummary, years: Sequence[Year]) -> Measure:
    figures = []
    for name, summary in years:
        asked = summary.find_scale(scale.question.id)
        figure = asked.figures[0] if asked else None
        if figure is None or figure.favourable is None:
            answers = figure.answers if figure else 0
            figures.append(_figure(name, 0, answers, "" if answers else "no answers"))
        else:
            figures.append(YearFigure(name, figure.answers, figure.favourable, figure.mean))
    alike = ANSWERS_OF_A_PAIR if scale.question.role == "both" else 1
    group = GROUPS[scale.figures[0].group]
    return Measure(scale.question.text, group, "answers", tuple(figures), alike)


def _add_differences(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    pairs = [_find_pair(measure) for measure in measures]
    comparisons = sum(pair is not None for pair in pairs)
    return tuple(
        replace(measure, difference=compare_shares(*pair, comparisons, measure.alike)) if pair else measure
        for measure, pair in zip(measures, pairs, strict=True)
    )


def _find_pair(measure: Measure) -> tuple[Share, Share, str] | None:
    *before, this = measure.years
    known = [(year.share, year.year) for year in before if year.share]
    return (this.share, *known[-1]) if this.share and known else None
