"""The years side by side, in words that claim no more than the figures carry, and as rows of the `Evaluation` tab.

Belongs here: sentences for the board, cells for the committee. Does not belong here: the comparison (`comparison`).
"""

from __future__ import annotations

from collections.abc import Iterator

from mentoring.evaluation.comparison_values import Difference, Measure, YearComparison, YearFigure
from mentoring.evaluation.intervals import round_percent
from mentoring.evaluation.rows import Row, format_mean, make_row, note_interval

FIRST_YEAR = "This is the first year; nothing to compare with yet."


def write_comparison(comparison: YearComparison) -> list[str]:
    """Sentences on what changed, and on what can't be said to have changed; never empty."""
    if len(comparison.applications) == 1:
        return [FIRST_YEAR]
    return [_write_applications(comparison), *_write_changes(comparison), *_write_no_changes(comparison)]


def describe_difference(difference: Difference) -> str:
    """The difference in percentage points with its interval, and what to think of it."""
    points = f"{_sign(difference.value)} percentage points since {difference.since}"
    interval = f"interval {_sign(difference.low)} to {_sign(difference.high)}"
    judged = "more than chance alone would explain" if difference.is_clear else "chance alone may explain it"
    return f"{points} ({interval}): {judged}."


def _sign(share: float) -> str:
    percent = round_percent(abs(share))
    return f"{'−' if share < 0 and percent else '+' if percent else ''}{percent}"


def _write_applications(comparison: YearComparison) -> str:
    *_, (since, before_mentors, before_mentees), (_, mentors, mentees) = comparison.applications
    return f"{mentors} mentors and {mentees} mentees applied; in {since} it was {before_mentors} and {before_mentees}."


def _write_changes(comparison: YearComparison) -> Iterator[str]:
    for measure in comparison.measures:
        if measure.difference and measure.difference.is_clear:
            yield f"“{measure.name}”: {_write_shares(measure)}, {describe_difference(measure.difference)}"


def _write_shares(measure: Measure) -> str:
    assert measure.difference is not None
    shares = {year.year: year.share for year in measure.years if year.share}
    this, before = shares[measure.years[-1].year], shares[measure.difference.since]
    answered = " answered 4 or 5" if measure.counted == "answers" else ""
    return f"{this.describe()}{answered} after {before.describe()}"


def _write_no_changes(comparison: YearComparison) -> Iterator[str]:
    same = [item.name for item in comparison.measures if item.difference and not item.difference.is_clear]
    if same:
        yield (
            "Chance alone may explain the differences in the following, so no change is claimed: "
            f"{_list_names(same)}."
        )
    unknown = [item.name for item in comparison.measures if not item.difference]
    if unknown:
        yield f"Not known, or too few, in one of the years, so nothing is compared: {_list_names(unknown)}."


def _list_names(names: list[str]) -> str:
    return "; ".join(f"“{name}”" for name in names)


def list_comparison(comparison: YearComparison) -> Iterator[Row]:
    """Rows of the `Evaluation` tab: applications of the earlier years, then every measure by year with its change."""
    if len(comparison.applications) == 1:
        yield make_row("Compared with earlier years", "Everyone", "–", note=FIRST_YEAR)
    # This year's own applications are among the year's counts.
    for year, mentors, mentees in comparison.applications[:-1]:
        yield make_row(f"Applications in {year}", "Mentors", mentors)
        yield make_row(f"Applications in {year}", "Mentees", mentees)
    for measure in comparison.measures:
        yield from _list_measure(measure)


def _list_measure(measure: Measure) -> Iterator[Row]:
    figure = measure.name + (": answered 4 or 5" if measure.counted == "answers" else "")
    for item in measure.years:
        yield _list_year(f"{figure}, in {item.year}", measure, item)
    if measure.difference:
        note = describe_difference(measure.difference)
        change = _tell_change(measure.difference.value)
        yield make_row(f"{figure}, change since {measure.difference.since}", measure.group, change, note=note)


def _list_year(figure: str, measure: Measure, item: YearFigure) -> Row:
    answers = item.total if measure.counted == "answers" else ""
    if item.share is None:
        return make_row(figure, measure.group, "–", answers, f"{item.total} {measure.counted}: {item.remark}")
    mean = "" if item.mean is None else f"; mean {format_mean(item.mean)}"
    note = f"{item.share.count} of {item.total} {measure.counted}; {note_interval(item.share)}{mean}"
    return make_row(figure, measure.group, f"{item.share.percent}%", answers, note)


def _tell_change(value: float) -> str:
    """In words, for a cell that begins with a sign would be taken for a formula."""
    points = round_percent(abs(value))
    return f"{points} points {'more' if value > 0 else 'less'}" if points else "the same"
