"""The years side by side, in words that claim no more than the figures carry.

Belongs here: sentences for the board. Does not belong here: the comparison itself (`comparison`).
"""

from __future__ import annotations

from collections.abc import Iterator

from mentoring.evaluation.comparison_values import Difference, Measure, YearComparison
from mentoring.evaluation.intervals import round_percent

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
