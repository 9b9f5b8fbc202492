"""The report beside earlier years and by criterion: on the page and on paper, from what the database keeps."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from program_databases import NOW
from small_cohort import SmallCohort

from mentoring.changes import PutEvaluation
from mentoring.evaluation import EvaluationSummary, compare_years, describe_fit
from mentoring.evaluation.values import PairPoints, Quote, QuoteGroup
from mentoring.policy import CRITERIA
from mentoring.program import CohortSettings
from mentoring.steering import steer_cohort
from tasks.desk import Desk
from tasks.earlier_years import read_earlier_cohorts
from tasks.erasure import anonymise_cohort
from tasks.report_pdf import describe_report, write_pdf
from tasks.reports import compile_report, render_report
from tasks.runs import Run
from tests.integration.test_report_pdf import list_words, read_objects
from tests.integration.test_reports import Page, load_program, make_up_year

MADE_ON = date(2027, 12, 12)
WHEN = "2027-11-20T15:00:00Z"
WEIGHTS = {"topics": 300, "focus_areas": 200, "experience": 100}
FIRST_YEAR = "This is the first year; nothing to compare with yet."


def add_comparison(summary: EvaluationSummary, *earlier: EvaluationSummary) -> EvaluationSummary:
    years = [(str(2027 - len(earlier) + number), year) for number, year in enumerate(earlier)]
    pairs = [
        PairPoints(
            {"topics": number % 5 / 4, "focus_areas": 0.5, "experience": number / 20}, (2 + number % 4, 4)
        )
        for number in range(20)
    ]
    fit = describe_fit("How satisfied are you with the mentoring year?", pairs, WEIGHTS)
    return replace(summary, comparison=compare_years(("2027", summary), years), fit=fit)


def render(summary: EvaluationSummary) -> Page:
    return Page(render_report(summary, load_program(), "2027", MADE_ON))


@pytest.fixture(scope="module")
def summary() -> EvaluationSummary:
    return add_comparison(make_up_year(), make_up_year(2), make_up_year(18))


def test_the_page_shows_every_year_with_a_table_beside_each_plot(summary: EvaluationSummary) -> None:
    page, plain = render(summary), render(make_up_year())
    assert "Compared with earlier years" in page.text
    # Applications, two rates, three response rates, three scales; points and answers by criterion.
    plots = [attributes for tag, attributes in page.tags if attributes.get("role") == "img"]
    assert len(plots) == sum(a.get("role") == "img" for _, a in plain.tags) + 11
    assert page.count("table") == plain.count("table") + 11
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    measure = summary.comparison and summary.comparison.measures[-1]
    assert measure is not None
    told = [
        f"{year.year} {year.share.count} of {year.share.total} {year.share.percent}%"
        for year in measure.years
        if year.share
    ]
    assert len(told) == 2
    assert [line for line in told if line not in page.text] == []
    assert f"2025 {measure.years[0].total} answers: too few answers to show" in page.text


def test_the_page_shows_the_points_and_the_answers_beside_them(summary: EvaluationSummary) -> None:
    page = render(summary)
    assert "topics 300 150 50% 12 of 20" in page.text
    assert "topics: half or more" in page.text
    assert "focus areas: less than half 0 answers: too few answers to show" in page.text
    assert "shows no cause" in page.text


def test_paper_says_what_the_page_says(summary: EvaluationSummary) -> None:
    page, program = render(summary), load_program()
    facts = describe_report(summary, program, "2027", MADE_ON)
    sections = {section["title"]: section for section in facts["sections"]}
    years, fit = sections["Compared with earlier years"], sections["How the pairs fit, by criterion"]
    assert [line for line in (*years["sentences"], *fit["sentences"]) if line not in page.text] == []
    rows = [row for part in (*years["parts"], *fit["parts"]) for row in part["rows"]]
    assert len(rows) == 9 * 3 + 3 + 6
    assert [row for row in rows if "–" not in row and " ".join(row) not in page.text] == []
    pdf = write_pdf(summary, program, "2027", MADE_ON)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in read_objects(pdf)


def list_table_pages(pdf: bytes) -> list[set[bytes]]:
    """For each table of the PDF the pages on which it has cells, by the PDF's own names."""
    objects = dict(re.findall(rb"(\d+) 0 obj\s*(<<.*?)\s*endobj", read_objects(pdf), re.DOTALL))
    pages: dict[bytes, set[bytes]] = {}
    for cell in objects.values():
        on_page = re.search(rb"/S/TD.*/Pg (\d+)", cell, re.DOTALL)
        if not on_page:
            continue
        above = cell
        while b"/S/Table" not in above:
            [name] = re.findall(rb"/P (\d+) 0 R", above)
            above = objects[name]
        pages.setdefault(above, set()).add(on_page[1])
    return list(pages.values())


def test_no_table_on_paper_leaves_a_row_for_the_next_page(summary: EvaluationSummary) -> None:
    points = [
        PairPoints(dict.fromkeys(CRITERIA, number % 5 / 4), (2 + number % 4, 4)) for number in range(20)
    ]
    fit = describe_fit("How satisfied?", points, dict.fromkeys(CRITERIA, 100))
    split = []
    # Each comment moves the tables behind it down the page by a line or two.
    for comments in range(0, 26, 2):
        quotes = QuoteGroup(
            "What was good?", tuple(Quote(f"Comment {n}.", "Mentor") for n in range(comments))
        )
        pdf = write_pdf(replace(summary, fit=fit, quotes=(quotes,)), load_program(), "2027", MADE_ON)
        tables = list_table_pages(pdf)
        assert len(tables) > 15
        split += [(comments, len(pages)) for pages in tables if len(pages) > 1]
    assert split == []


def test_a_first_year_says_so_on_the_page_and_on_paper() -> None:
    first = add_comparison(make_up_year())
    assert FIRST_YEAR in render(first).text
    assert FIRST_YEAR in list_words(describe_report(first, load_program(), "2027", MADE_ON))
    assert write_pdf(first, load_program(), "2027", MADE_ON).startswith(b"%PDF")


def test_columns_of_words_are_aligned_as_words(summary: EvaluationSummary) -> None:
    facts = describe_report(summary, load_program(), "2027", MADE_ON)
    [topics] = [
        part
        for section in facts["sections"]
        for part in section["parts"]
        if part["head"] == ["Month", "Topic", "Pairs"]
    ]
    assert topics["words"] == [0, 1]


# From the database


def open_year(run: Run, cohort_id: str) -> SmallCohort:
    """A cohort that the database keeps; without a place in program.yaml it has the days of the run's."""
    with run.database.transaction("test", NOW - timedelta(days=400)) as transaction:
        transaction.execute("add_cohort", cohort_id=cohort_id, at=transaction.at, token_key="1" * 32)
    program = run.settings.program
    cohorts = {cohort_id: program.cohorts[run.cohort_id], **program.cohorts}
    settings = replace(run.settings, program=program.model_copy(update={"cohorts": cohorts}))
    return SmallCohort(replace(run, cohort_id=cohort_id, settings=settings))


def evaluate(cohort: SmallCohort, pairs: int, satisfaction: str) -> None:
    weights = cohort.read().policy.weights.model_dump()
    for _ in range(pairs):
        match = cohort.introduce(explanation={"criteria": weights})
        for key in cohort.read().matches[match].pair:
            answers = json.dumps({"satisfaction": satisfaction})
            cohort.apply(PutEvaluation(match, key, f"response to {match} of {key}", WHEN, answers))


@pytest.mark.parametrize("is_kept", [True, False], ids=["in program.yaml", "no more in program.yaml"])
def test_an_earlier_year_counts_also_when_its_people_are_gone(run: Run, is_kept: bool) -> None:
    earlier = open_year(run, "2026")
    evaluate(earlier, 5, "2")
    this = SmallCohort(run, earlier.made)
    evaluate(this, 6, "5")
    anonymise_cohort(earlier.run)
    assert earlier.read().is_anonymised
    if is_kept:
        before = shift_back(run.settings.program.cohorts["2027"])
        cohorts = {"2026": before, **run.settings.program.cohorts}
        program = run.settings.program.model_copy(update={"cohorts": cohorts})
        run = replace(run, settings=replace(run.settings, program=program))
    words = compile_page(run)
    assert "2026 0 of 10 0%" in words
    assert "2027 12 of 12 100%" in words
    assert "“How satisfied are you with the mentoring year?”: 12 of 12 answered 4 or 5 after 0 of 10" in words
    assert "The year's 6 pairs fit best" in words


def test_the_earlier_year_itself_knows_nothing_of_the_later_one(run: Run) -> None:
    earlier = open_year(run, "2026")
    evaluate(earlier, 5, "2")
    evaluate(SmallCohort(run, earlier.made), 5, "5")
    cohorts = {"2026": shift_back(run.settings.program.cohorts["2027"]), **run.settings.program.cohorts}
    program = run.settings.program.model_copy(update={"cohorts": cohorts})
    settings = replace(run.settings, program=program)
    assert read_earlier_cohorts(replace(earlier.run, settings=settings)) == []
    assert [item.cohort_id for item in read_earlier_cohorts(replace(run, settings=settings))] == ["2026"]


def test_a_year_that_introduced_nobody_is_not_compared_with(run: Run) -> None:
    open_year(run, "2026").add_application("mentee")
    this = SmallCohort(run, {"person": 1, "mentee": 1})
    evaluate(this, 5, "5")
    assert FIRST_YEAR in compile_page(run)


def shift_back(settings: CohortSettings) -> CohortSettings:
    days = {
        name: value.replace(year=value.year - 1)
        for name, value in settings.model_dump().items()
        if isinstance(value, date)
    }
    return settings.model_copy(update=days)


def compile_page(run: Run) -> str:
    run = replace(run, now=datetime(2027, 12, 12, 12, tzinfo=UTC))
    steering = steer_cohort(run.settings.program, run.cohort_id, {}, [])
    compile_report(run, Desk({}, steering, SmallCohort(run).read()))
    page = Page((run.settings.folder / "reports/evaluation-2027.html").read_text(encoding="utf-8"))
    return page.text
