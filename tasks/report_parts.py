"""Parts of the PDF as values: a section, a table with its picture, and those that compare years and criteria.

Belongs here: what stands in which cell. Does not belong here: which sections there are (`tasks.report_pdf`), and how
they look (`report_templates/report.typ`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mentoring.evaluation.comparison_values import Measure, YearComparison
from mentoring.evaluation.comparison_words import describe_difference, write_comparison
from mentoring.evaluation.criteria_words import FEW_WORDS, MANY_WORDS, write_fit
from mentoring.evaluation.intervals import Share, round_percent
from mentoring.evaluation.lesson_words import name_criterion
from mentoring.evaluation.rows import format_mean
from mentoring.evaluation.values import WITHHELD, CriterionFit, FitByCriterion

Part = dict[str, Any]


def section(
    title: str, text: str, parts: Sequence[Part], quotes: Sequence[Part] = (), sentences: Sequence[str] = ()
) -> Part:
    """A heading with its text, or sentences, and what stands below."""
    return {
        "title": title,
        "text": text,
        "sentences": list(sentences),
        "parts": list(parts),
        "quotes": list(quotes),
    }


def part(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    bars: Sequence[Part] = (),
    note: str = "",
    words: Sequence[int] = (0,),
) -> Part:
    """A table with its picture; the columns `words` hold text, the others figures."""
    return {
        "title": title,
        "head": list(head),
        "rows": [list(row) for row in rows],
        "bars": list(bars),
        "note": note,
        "words": list(words),
    }


def show_share(label: str, share: Share) -> Part:
    """A share as a bar with its interval."""
    return {
        "label": label,
        "share": share.value,
        "low": share.low,
        "high": share.high,
        "value": f"{share.count} of {share.total}",
    }


def _tell_share(share: Share) -> tuple[str, str, str]:
    return f"{share.count} of {share.total}", f"{share.percent}%", share.describe_interval()


def compare_in_print(comparison: YearComparison) -> Part:
    """The year beside the earlier ones."""
    parts = list(_list_measures(comparison)) if comparison.measures else []
    return section("Compared with earlier years", "", parts, sentences=write_comparison(comparison))


def _list_measures(comparison: YearComparison) -> Iterator[Part]:
    most = max(1, *(count for _, *counts in comparison.applications for count in counts))
    bars = [
        {"label": f"{year}: {role}", "share": count / most, "value": str(count)}
        for year, *counts in comparison.applications
        for count, role in zip(counts, ("mentors", "mentees"), strict=True)
    ]
    rows = [(year, str(mentors), str(mentees)) for year, mentors, mentees in comparison.applications]
    yield part("Applications", ("Year", "Mentors", "Mentees"), rows, bars)
    for measure in comparison.measures:
        yield _show_measure(measure)


def _show_measure(measure: Measure) -> Part:
    is_scale = measure.counted == "answers"
    rows: list[tuple[str, ...]] = []
    for item in measure.years:
        cells = _tell_share(item.share) if item.share else ("–", "–", f"{item.total}: {item.remark}")
        mean = () if not is_scale else ("–" if item.mean is None else format_mean(item.mean),)
        rows.append((item.year, *cells, *mean))
    bars = [show_share(item.year, item.share) for item in measure.years if item.share]
    counted = "Answered 4 or 5" if is_scale else f"Of the {measure.counted}"
    head = ("Year", counted, "Share", "95% interval", *(("Mean",) if is_scale else ()))
    note = describe_difference(measure.difference) if measure.difference else ""
    return part(measure.name, head, rows, bars, note)


def describe_fit_in_print(fit: FitByCriterion) -> Part:
    """The pairs by criterion, and what people with many and with few of its points said."""
    parts = list(_list_fit(fit)) if fit.criteria else []
    return section("How the pairs fit, by criterion", "", parts, sentences=write_fit(fit))


def _list_fit(fit: FitByCriterion) -> Iterator[Part]:
    rows = [
        (
            name_criterion(item),
            str(item.weight),
            f"{item.earned * item.weight:.0f}",
            f"{round_percent(item.earned)}%",
            f"{item.many.pairs} of {fit.pairs}",
        )
        for item in fit.criteria
    ]
    bars = [
        {
            "label": name_criterion(item),
            "share": item.earned,
            "value": f"{round_percent(item.earned)}%",
        }
        for item in fit.criteria
    ]
    points = ("Criterion", "Possible", "Mean", "Share", f"Pairs that got {MANY_WORDS}")
    yield part("Share of the possible points that the pairs got", points, rows, bars)
    answers = [row for item in fit.criteria for row in _tell_groups(item)]
    shown = [
        show_share(f"{name_criterion(item)}: {words}", group.favourable)
        for item in fit.criteria
        for group, words in ((item.many, MANY_WORDS), (item.few, FEW_WORDS))
        if group.favourable
    ]
    head = ("Criterion: points of the pair", "Answered 4 or 5", "Share", "95% interval")
    yield part(fit.question, head, answers, shown)


def _tell_groups(item: CriterionFit) -> Iterator[tuple[str, ...]]:
    for group, words in ((item.many, MANY_WORDS), (item.few, FEW_WORDS)):
        withheld = ("–", "–", f"{group.answers} answers: {WITHHELD[group.withheld]}")
        cells = _tell_share(group.favourable) if group.favourable else withheld
        yield f"{name_criterion(item)}: {words}", *cells
