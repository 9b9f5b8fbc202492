"""The story of the year in at most four numbers.

Belongs here: which figures open a report. Does not belong here: how they look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mentoring.evaluation.intervals import FEWEST_FOR_PERCENT, Share, round_percent
from mentoring.evaluation.values import RECOMMEND, WITHHELD, EvaluationSummary, Withheld

MOST_HEADLINES = 4


@dataclass(frozen=True)
class Headline:
    """One number with what it counts and what it rests on."""

    value: str
    label: str
    note: str


def pick_headlines(summary: EvaluationSummary) -> list[Headline]:
    """Return up to four numbers: matches, response, the first scale, recommendation or another scale."""
    return list(islice(_list_headlines(summary), MOST_HEADLINES))


def _list_headlines(summary: EvaluationSummary) -> Iterator[Headline]:
    counts = summary.year_counts
    if "introduced" in counts:
        mentors, mentees = counts.get("applications.mentor"), counts.get("applications.mentee")
        known = mentors is not None and mentees is not None
        note = f"from {mentors} mentor and {mentees} mentee applications" if known else ""
        yield Headline(str(counts["introduced"]), "pairs introduced", note)
    if summary.invited:
        rate = f"{round_percent(summary.answered / summary.invited)}%"
        yield Headline(
            rate, "answered the evaluation", f"{summary.answered} of {summary.invited} invitations"
        )
    scales = [
        _tell_share(
            scale.figures[0].favourable, f"gave 4 or 5 to “{scale.question.text}”", scale.figures[0].withheld
        )
        for scale in summary.scales
    ]
    yield from scales[:1]
    recommend = summary.find_choice(RECOMMEND)
    if recommend and recommend.question.choices:
        figure = recommend.figures[0]
        share = figure.options[0].share if figure.options else None
        yield _tell_share(
            share,
            f"answered “{recommend.question.choices[0]}” to “{recommend.question.text}”",
            figure.withheld,
        )
    yield from scales[1:]


def _tell_share(share: Share | None, label: str, withheld: Withheld) -> Headline:
    if share is None:
        return Headline("–", label, WITHHELD[withheld])
    note = f"95% interval {share.describe_interval()}"
    if share.total < FEWEST_FOR_PERCENT:
        return Headline(f"{share.count} of {share.total}", label, note)
    return Headline(f"{share.percent}%", label, f"{share.count} of {share.total} answers; {note}")
