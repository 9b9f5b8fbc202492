"""The compiled evaluation as rows of the committee's `Evaluation` tab.

Belongs here: which figure becomes which row, and its cells. Does not belong here: writing them
(`tasks.sheets`) and the quotes, which are for the report only.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mentoring.calendar import name_month
from mentoring.desk import Cell
from mentoring.evaluation.comparison_words import list_comparison
from mentoring.evaluation.criteria_words import list_fit
from mentoring.evaluation.intervals import round_percent
from mentoring.evaluation.lesson_words import list_lesson
from mentoring.evaluation.rows import Row, format_mean, format_median, make_row, note_interval, note_share
from mentoring.evaluation.values import (
    FEWEST_ANSWERS,
    GROUPS,
    WITHHELD,
    YEAR_COUNTS,
    ChoiceFigure,
    ChoiceSummary,
    EvaluationSummary,
    PairFigure,
    ScaleFigure,
    ScaleSummary,
)


def list_figures(summary: EvaluationSummary) -> list[Row]:
    """Return the rows of the `Evaluation` tab by heading; no two rows have the same Figure and Group."""
    rows = [
        *_list_response(summary),
        *_list_year(summary),
        *(row for scale in summary.scales for row in _list_scale(scale)),
        *(row for choice in summary.choices for row in _list_choice(choice)),
        *(_list_choice(summary.topics) if summary.topics else ()),
        *(list_comparison(summary.comparison) if summary.comparison else ()),
        *_list_texts(summary),
        *(list_fit(summary.fit) if summary.fit else ()),
        *(list_lesson(summary.lesson) if summary.lesson else ()),
    ]
    return list(_make_keys_unique(rows))


def describe_ends(low: str, high: str) -> str:
    """What the ends of a scale mean: “1 = not at all, 5 = very”, or nothing."""
    ends = [f"{step} = {text}" for step, text in ((1, low), (5, high)) if text]
    return ", ".join(ends)


def _list_response(summary: EvaluationSummary) -> Iterator[Row]:
    for rate in summary.response:
        value = f"{round_percent(rate.answered / rate.invited)}%" if rate.invited else "–"
        note = f"{rate.answered} of {rate.invited} invitations"
        yield make_row("Response rate", GROUPS[rate.group], value, rate.answered, note)


def _list_year(summary: EvaluationSummary) -> Iterator[Row]:
    for key, count in summary.year_counts.items():
        figure, group = YEAR_COUNTS[key]
        yield make_row(figure, group, count)
    for month, title, count in summary.topics_sent:
        yield make_row(
            f"Topic sent: {name_month(date.fromisoformat(month + '-01'))}", "Pairs", count, note=title
        )


def _list_scale(scale: ScaleSummary) -> Iterator[Row]:
    text = scale.question.text
    for figure in scale.figures:
        yield _list_scale_figure(text, figure, describe_ends(scale.question.low, scale.question.high))
        if figure.favourable:
            note = note_interval(figure.favourable)
            value = f"{figure.favourable.percent}%"
            yield make_row(f"{text}: answered 4 or 5", GROUPS[figure.group], value, figure.answers, note)
    if scale.pairs:
        yield from _list_pairs(text, scale.pairs)


def _list_scale_figure(text: str, figure: ScaleFigure, ends: str) -> Row:
    if figure.mean is None or figure.median is None:
        return make_row(f"{text}: mean", GROUPS[figure.group], "–", figure.answers, _note(figure))
    counts = ", ".join(f"{step}: {count}" for step, count in enumerate(figure.distribution, start=1))
    spread = f"median {format_median(figure.median)}; answers {counts}"
    note = "; ".join(part for part in (spread, ends, _note(figure)) if part)
    return make_row(f"{text}: mean", GROUPS[figure.group], format_mean(figure.mean), figure.answers, note)


def _list_pairs(text: str, pairs: PairFigure) -> Iterator[Row]:
    if not pairs.close or not pairs.both_favourable:
        note = f"{WITHHELD[pairs.withheld]} (fewer than {FEWEST_ANSWERS} pairs in which both answered)"
        yield make_row(f"{text}: mentor and mentee agree", "Pairs", "–", pairs.pairs, note)
        return
    for label, share in (
        ("mentor and mentee at most one step apart", pairs.close),
        ("both answered 4 or 5", pairs.both_favourable),
    ):
        note = f"pairs in which both answered; {note_interval(share)}"
        yield make_row(f"{text}: {label}", "Pairs", f"{share.percent}%", pairs.pairs, note)


def _list_choice(choice: ChoiceSummary) -> Iterator[Row]:
    text = choice.question.text
    for figure in choice.figures:
        if not figure.options:
            yield make_row(text, GROUPS[figure.group], "–", figure.answers, _note(figure))
        elif figure.not_usable:
            yield make_row(text, GROUPS[figure.group], "", figure.answers, _note(figure))
        for option in figure.options:
            share = option.share
            note = "; ".join(part for part in (", ".join(option.months), note_share(share)) if part)
            yield make_row(
                f"{text}: {option.option}", GROUPS[figure.group], f"{share.percent}%", share.total, note
            )


def _list_texts(summary: EvaluationSummary) -> Iterator[Row]:
    shown = sum(len(group.quotes) for group in summary.quotes)
    yield make_row("Comments that may be quoted", GROUPS["all"], shown, note="They are in the report.")
    note = "Their authors did not agree."
    yield make_row("Comments that may not be quoted", GROUPS["all"], summary.texts_not_quoted, note=note)
    if summary.not_usable:
        note = "Answers that were not among those on offer. They are left out, not guessed."
        yield make_row("Answers that can't be used", GROUPS["all"], summary.not_usable, note=note)
    if summary.not_invited:
        note = "Responses that belong to no invitation of this cohort. They are left out."
        yield make_row("Responses without an invitation", GROUPS["all"], summary.not_invited, note=note)


def _note(figure: ScaleFigure | ChoiceFigure) -> str:
    unusable = f"{figure.not_usable} more can't be used" if figure.not_usable else ""
    return "; ".join(part for part in (WITHHELD[figure.withheld], unusable) if part)


def _make_keys_unique(rows: list[Row]) -> Iterator[Row]:
    """Number figures whose questions have the same text, so that each row has a key of its own."""
    seen: dict[tuple[Cell, Cell], int] = {}
    for row in rows:
        key = (row["Figure"], row["Group"])
        seen[key] = seen.get(key, 0) + 1
        yield row if seen[key] == 1 else row | {"Figure": f"{row['Figure']} ({seen[key]})"}
