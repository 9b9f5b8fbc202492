"""The evaluation report for the board: one self-contained HTML page that prints well.

Belongs here: rendering the page and writing it. Does not belong here: figures and sentences
(`mentoring.evaluation`), and who is told that the report is there.

The templates draw the plots as SVG. They are bars with direct labels, placed in percent of the width:
lettering keeps its size on a phone and on paper, where a plotting library's picture would shrink, and
nothing heavy is imported.
"""

from __future__ import annotations

import os
import re
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mentoring.calendar import local_day
from mentoring.cohort import Cohort
from mentoring.completion import summarise_year
from mentoring.decisions import read_topics
from mentoring.desk import TabUpdate
from mentoring.errors import PlainError
from mentoring.evaluation import (
    EvaluationSummary,
    compare_years,
    describe_fit,
    learn_weights,
    list_figures,
    pick_headlines,
    write_sentences,
)
from mentoring.evaluation.comparison_words import describe_difference, write_comparison
from mentoring.evaluation.criteria_words import FEW_WORDS, MANY_WORDS, write_fit
from mentoring.evaluation.figures import describe_ends
from mentoring.evaluation.intervals import round_percent
from mentoring.evaluation.lesson_words import describe_effect, describe_lesson, name_criterion
from mentoring.evaluation.rows import format_mean, format_median
from mentoring.evaluation.values import FEWEST_ANSWERS, GROUPS, WITHHELD, YEAR_COUNTS
from mentoring.pair_outcomes import gather_outcomes, gather_points, list_missing
from mentoring.program import Program
from tasks.desk import Desk, drop_unmatched
from tasks.earlier_years import read_earlier_cohorts
from tasks.report_plots import measure_axis, place_segments
from tasks.runs import Run
from tasks.stage import find_stage

#: Where reports lie, inside the program folder.
REPORT_FOLDER = "reports"

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class ReportError(PlainError):
    """The report can't be written; the text is one sentence with the mend."""


def render_report(summary: EvaluationSummary, program: Program, cohort_id: str, made_on: date) -> str:
    """Return the report as one HTML page without scripts, links or anything from the network.

    The same arguments give the same text. Raises KeyError if `program` has no such cohort.
    """
    return render_page(
        "report.html.j2",
        "report.css",
        summary=summary,
        program=program,
        cohort_id=cohort_id,
        cohort=program.cohorts[cohort_id],
        made_on=made_on,
        headlines=pick_headlines(summary),
        sentences=write_sentences(summary),
        axis=measure_axis(summary.scales),
        fewest=FEWEST_ANSWERS,
    )


def render_page(template: str, style_sheet: str, **values: Any) -> str:
    """Return a page of `report_templates` as HTML that carries its style and allows no other, by the style's hash."""
    environment = load_environment()
    assert environment.loader is not None
    style = environment.loader.get_source(environment, style_sheet)[0].replace("\r\n", "\n")
    return environment.get_template(template).render(
        **values,
        # The style is ours; everything else on the page is escaped.
        style=Markup(style),  # noqa: S704
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
    )


def write_report(
    folder: Path, summary: EvaluationSummary, program: Program, cohort_id: str, made_on: date
) -> Path:
    """Write `evaluation-<cohort>.html` into `folder`, readable by its owner alone, and return its path.

    An earlier report of the cohort is replaced in one step, so that nobody ever opens half a page.
    Raises ReportError when the folder can't be written.
    """
    page = render_report(summary, program, cohort_id, made_on)
    path = _find_place(folder, cohort_id)
    write_page(path, page)
    return path


def name_page(kind: str, cohort_id: str) -> str:
    """The file's name of a cohort's page, without anything that means another folder."""
    name = re.sub(r"[^\w-]+", "-", cohort_id)
    return f"{kind}-{name}.html"


def write_page(path: Path, page: str | bytes) -> None:
    """Write a page or a PDF for its owner alone, in one step; raises ReportError when its folder can't be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, page.encode("utf-8") if isinstance(page, str) else page)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise ReportError(
            f"The report {path} can't be written ({reason}); close it elsewhere and make the folder writable."
        ) from error


def _find_place(folder: Path, cohort_id: str) -> Path:
    return folder / name_page("evaluation", cohort_id)


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a whole file in the place of an older one, in one step. Raises OSError, and leaves nothing half-written."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@cache
def load_environment() -> Environment:
    """The environment of every page in `report_templates`: escaped, and strict about what is missing."""
    environment = Environment(
        loader=PackageLoader("tasks", "report_templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        GROUPS=GROUPS,
        WITHHELD=WITHHELD,
        YEAR_COUNTS=YEAR_COUNTS,
        FEW_WORDS=FEW_WORDS,
        MANY_WORDS=MANY_WORDS,
        place_segments=place_segments,
        write_comparison=write_comparison,
        describe_difference=describe_difference,
        write_fit=write_fit,
        describe_ends=describe_ends,
        list_counts=list_counts,
        describe_lesson=describe_lesson,
        describe_effect=describe_effect,
        name_criterion=name_criterion,
    )
    environment.filters.update(
        day=format_day,
        month=format_month,
        mean=format_mean,
        median=format_median,
        whole_percent=round_percent,
        shorten=shorten_label,
        breakable=make_breakable,
    )
    return environment


def list_counts(counts: Mapping[str, int], groups: Sequence[str]) -> list[tuple[str, ...]]:
    """The year's counts as rows: what was counted, then a number per group, “–” where there is none."""
    labels = dict.fromkeys(label for key in counts for label, group in [YEAR_COUNTS[key]] if group in groups)
    known = {YEAR_COUNTS[key]: count for key, count in counts.items()}
    return [(label, *(str(known.get((label, group), "–")) for group in groups)) for label in labels]


def format_day(day: date) -> str:
    """The day in words, the same on every machine: 1 March 2027."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def format_month(month: str) -> str:
    """A month like 2027-03 in words: March; anything else as it stands."""
    found = re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month)
    return MONTHS[int(found[1]) - 1] if found else month


def shorten_label(text: str, longest: int = 40) -> str:
    """The text cut at a word so that it fits above a bar on a phone; the table beside has all of it."""
    if len(text) <= longest:
        return text
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def make_breakable(text: str) -> Markup:
    """The text, escaped, that may go on in a new line behind a slash, which browsers by themselves do not do."""
    return escape(text).replace("/", Markup("/<wbr>"))


def compile_report(run: Run, desk: Desk) -> list[TabUpdate]:
    """Write the board's report into the program folder, and return the figures for the `Evaluation` tab.

    Before the evaluation opens there is nothing to compile, unless a rehearsal left a report: that one is kept up,
    since somebody who was erased may be quoted in it.
    """
    cohort, folder = desk.cohort, run.settings.folder / REPORT_FOLDER
    is_early = local_day(run.now, cohort.program.zone) < cohort.settings.evaluation_opens
    if is_early and not _find_place(folder, run.cohort_id).exists():
        return []
    summary = _summarise(run, desk)
    cohorts = {**cohort.program.cohorts, run.cohort_id: cohort.settings}
    program = cohort.program.model_copy(update={"cohorts": cohorts})
    made_on = local_day(run.now, program.zone)
    path = write_report(folder, summary, program, run.cohort_id, made_on)
    if find_stage() is None:
        # Nobody prints the report of a rehearsal.
        from tasks.report_pdf import write_pdf

        write_page(path.with_suffix(".pdf"), write_pdf(summary, program, run.cohort_id, made_on))
    updates = []
    if not _is_followed(cohort, made_on):
        figures = [*list_figures(summary), *list_missing(cohort)]
        updates.append(TabUpdate("Evaluation", figures, remove_missing=True))
    if cohort.is_anonymised:
        # A purge takes the names off the tab that nobody else writes any more.
        updates.append(drop_unmatched(desk, cohort.applications))
    return updates


def _summarise(run: Run, desk: Desk) -> EvaluationSummary:
    """The year's figures, beside those of earlier years and beside the points of its matches."""
    cohort = desk.cohort
    topics, _ = read_topics(desk.read_rows("Topics"))
    summary = summarise_year(cohort, {period: topic.title for period, topic in topics.items()})
    weights = cohort.policy.weights.model_dump()
    earlier = [(each.cohort_id, summarise_year(each, {})) for each in read_earlier_cohorts(run)]
    overall = next((question for question in cohort.program.evaluation if question.kind == "scale"), None)
    return replace(
        summary,
        lesson=learn_weights(gather_outcomes(cohort), weights),
        comparison=compare_years((run.cohort_id, summary), earlier),
        fit=describe_fit(overall.text, gather_points(cohort, overall), weights) if overall else None,
    )


def _is_followed(cohort: Cohort, today: date) -> bool:
    """Whether a later cohort is being evaluated, whose figures the tab shows."""
    begun = cohort.settings.evaluation_opens
    return any(begun < item.evaluation_opens <= today for item in cohort.program.cohorts.values())
