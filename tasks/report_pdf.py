"""The board's report as accessible PDF, from the same figures as the page.

Belongs here: the report's parts as data for Typst, and compiling them. Does not belong here: figures and sentences
(`mentoring.evaluation`), the page (`tasks.reports`). typst is imported with the first PDF.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from mentoring.calendar import name_day
from mentoring.evaluation import (
    ChoiceSummary,
    EvaluationSummary,
    ScaleSummary,
    pick_headlines,
    write_sentences,
)
from mentoring.evaluation.figures import describe_ends
from mentoring.evaluation.intervals import round_percent
from mentoring.evaluation.lesson_words import describe_effect, describe_lesson, name_criterion
from mentoring.evaluation.rows import format_mean, format_median
from mentoring.evaluation.values import FEWEST_ANSWERS, GROUPS, WITHHELD, ChoiceFigure
from mentoring.program import Program
from tasks.certificates import is_without_glyph, load_fonts
from tasks.report_parts import Part, compare_in_print, describe_fit_in_print, part, section, show_share
from tasks.reports import format_month, list_counts


def write_pdf(summary: EvaluationSummary, program: Program, cohort_id: str, made_on: date) -> bytes:
    """The report as PDF/UA-1; where somebody's words hold a character that no font here shows, as plain PDF.

    The same arguments give the same bytes on the same machine.
    """
    import typst

    source = (Path(__file__).parent / "report_templates" / "report.typ").read_bytes()
    facts = describe_report(summary, program, cohort_id, made_on)
    for system_fonts in (False, True):
        try:
            return bytes(
                typst.compile(
                    source,
                    font_paths=load_fonts(system_fonts),
                    # As data, never as source: what people wrote can't act in it.
                    sys_inputs={"report": json.dumps(facts | {"fallback": system_fonts})},
                    pdf_standards=["ua-1"],
                )
            )
        except typst.TypstError as error:
            if not is_without_glyph(error.message):
                raise
    inputs = {"report": json.dumps(facts | {"fallback": True})}
    return bytes(typst.compile(source, font_paths=load_fonts(True), sys_inputs=inputs))


def describe_report(
    summary: EvaluationSummary, program: Program, cohort_id: str, made_on: date
) -> dict[str, Any]:
    """Everything on the PDF, as values that JSON can carry."""
    cohort = program.cohorts[cohort_id]
    return {
        "title": f"{program.name} {cohort_id}: how the year went",
        "association": program.association,
        "period": f"Evaluation of the mentoring year from {name_day(cohort.starts)} to {name_day(cohort.ends)}. "
        f"Compiled on {name_day(made_on)}.",
        "foot": f"{program.association}, {program.name}; questions: {program.committee_address}",
        "headlines": [vars(item) for item in pick_headlines(summary)],
        "sentences": write_sentences(summary),
        "sections": list(_list_sections(summary)),
        "method": list(_list_method(summary)),
    }


def _list_sections(summary: EvaluationSummary) -> Iterator[Part]:
    if summary.year_counts:
        yield section("The year in figures", "", list(_list_year(summary)))
    if summary.invited:
        yield section("Who answered", "", [_show_response(summary)])
    if summary.answered >= FEWEST_ANSWERS:
        if summary.scales:
            text = "Every bar shows all answers of a group, from 1 at the left to 5 at the right."
            yield section("What people said", text, [_show_scale(scale) for scale in summary.scales])
        if summary.choices:
            yield section("What people chose", "", [_show_choice(choice) for choice in summary.choices])
        if summary.topics:
            text = "The share of people who named the topic of the month. Whoever ticked none counts as not naming it."
            yield section("Which topics were useful", text, [_show_choice(summary.topics)])
    if summary.comparison:
        yield compare_in_print(summary.comparison)
    if summary.quotes:
        quotes = [
            {"question": group.question, "quotes": [vars(quote) for quote in group.quotes]}
            for group in summary.quotes
        ]
        text = "Only people who agreed to be quoted. Names, addresses and numbers are taken out; long comments are cut."
        yield section("In their own words", text, [], quotes)
    if summary.fit:
        yield describe_fit_in_print(summary.fit)
    if summary.lesson:
        effects = [
            [name_criterion(effect), str(effect.weight), *describe_effect(effect),
             "–" if effect.suggested is None else str(effect.suggested)]
            for effect in summary.lesson.effects
        ]  # fmt: skip
        head = ("Criterion", "Weight now", "Steps of fit", "95% interval", "To think about")
        parts = [part("", head, effects)] if effects else []
        yield section("What it says of the matching", describe_lesson(summary.lesson), parts)


def _list_year(summary: EvaluationSummary) -> Iterator[Part]:
    for caption, groups in (("People", ("Mentors", "Mentees")), ("Pairs", ("Pairs",))):
        head = ("What was counted", *(groups if len(groups) > 1 else ("Number",)))
        yield part(caption, head, list_counts(summary.year_counts, groups))
    if summary.topics_sent:
        rows = [
            (format_month(month), title or "–", str(count)) for month, title, count in summary.topics_sent
        ]
        yield part("Pairs that received the monthly topic", ("Month", "Topic", "Pairs"), rows, words=(0, 1))


def _show_response(summary: EvaluationSummary) -> Part:
    rates = [rate for rate in summary.response if rate.invited]
    shares = {rate.group: rate.answered / rate.invited for rate in rates}
    rows = [
        (GROUPS[rate.group], str(rate.invited), str(rate.answered), f"{round_percent(shares[rate.group])}%")
        for rate in rates
    ]
    bars = [
        {
            "label": GROUPS[rate.group],
            "share": shares[rate.group],
            "value": f"{rate.answered} of {rate.invited}",
        }
        for rate in rates
    ]
    return part("", ("Group", "Invited", "Answered", "Rate"), rows, bars)


def _show_scale(scale: ScaleSummary) -> Part:
    rows: list[tuple[str, ...]] = []
    bars: list[Part] = []
    for figure in scale.figures:
        name, share = GROUPS[figure.group], figure.favourable
        if figure.mean is None or figure.median is None or share is None:
            rows.append((name, *("–",) * 8, WITHHELD[figure.withheld]))
            continue
        counts = [str(count) for count in figure.distribution]
        mean, median = format_mean(figure.mean), format_median(figure.median)
        rows.append((name, *counts, mean, median, f"{share.percent}%", share.describe_interval()))
        bars.append({"label": name, "counts": list(figure.distribution), "value": f"n = {figure.answers}"})
    head = ("Group", "1", "2", "3", "4", "5", "Mean", "Median", "4 or 5", "95% interval")
    note = describe_ends(scale.question.low, scale.question.high)
    return part(scale.question.text, head, rows, bars, note)


def _show_choice(choice: ChoiceSummary) -> Part:
    everyone, *roles = choice.figures
    shown = [figure for figure in roles if figure.options]
    head = ("Answer", "Number", "Share", "95% interval", *(f"{GROUPS[f.group]} ({f.answers})" for f in shown))
    rows = [
        (
            option.option,
            str(option.share.count),
            f"{option.share.percent}%",
            option.share.describe_interval(),
            *(f"{figure.options[place].share.percent}%" for figure in shown),
        )
        for place, option in enumerate(everyone.options)
    ]
    bars = [show_share(option.option, option.share) for option in everyone.options]
    return part(choice.question.text, head, rows, bars, " ".join(map(_remark, choice.figures)).strip())


def _remark(figure: ChoiceFigure) -> str:
    if figure.withheld:
        return f"{GROUPS[figure.group]}, {figure.answers} answers: {WITHHELD[figure.withheld]}."
    return f"{figure.not_usable} more can't be used." if figure.not_usable and figure.group == "all" else ""


def _list_method(summary: EvaluationSummary) -> Iterator[str]:
    yield (
        f"Groups of fewer than {FEWEST_ANSWERS} answers are not shown, nor a group whose difference to another would "
        "show them."
    )
    yield (
        "A 95% interval (Wilson's score interval) says how far a share may lie from what everybody like these people "
        "would say, if those who answered were drawn by chance. The dark lines on the bars show it."
    )
    yield "It does not cover people who chose not to answer: they may think otherwise."
    if summary.comparison and summary.comparison.measures:
        yield (
            "The interval of a difference between two years is Newcombe's, as if the years had asked different people. "
            "It is widened for asking of several figures at once, and for the two of a pair, who may say the same."
        )
    if summary.texts_not_quoted:
        yield f"Comments that are not shown, because their authors did not agree: {summary.texts_not_quoted}."
