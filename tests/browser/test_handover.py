"""The handover and the board's report in a real browser: they fit, load nothing, and can be read with every aid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from cohorts import at, make_cohort, mentee, mentor, pair
from playwright.sync_api import Browser

from mentoring.cohort import Cohort, Evaluation
from mentoring.completion import summarise_year
from mentoring.evaluation import EvaluationSummary, compare_years, describe_fit, learn_weights
from mentoring.handover import Happening, write_handover
from mentoring.pair_outcomes import gather_outcomes, gather_points
from mentoring.policy import CRITERIA
from tasks.handover_pages import render_handover
from tasks.reports import render_report

TODAY = date(2027, 12, 12)
ANSWERS = {
    "satisfaction": "4", "fit": "5", "goals_met": "3", "contact_frequency": "Monthly", "would_recommend": "Yes",
    "useful_topics": "Getting to know each other; Talking with vendors", "participate_again": "Perhaps",
    "most_valuable": "Somebody who <b>listened</b>.", "quote_consent": "Yes",
}  # fmt: skip


def make_year(pairs: int = 7) -> Cohort:
    people = [person(number) for number in range(1, pairs + 1) for person in (mentor, mentee)]
    matches = [
        pair(number, number, explanation={"criteria": dict.fromkeys(CRITERIA, number * 12)})
        for number in range(1, pairs + 1)
    ]
    cohort = make_cohort(people, matches)
    evaluations = [
        Evaluation(match.match_id, key, f"response-{key}", at("2027-11-20"), ANSWERS)
        for match in cohort.matches.values()
        for key in match.pair
    ]
    return replace(cohort, evaluations=evaluations)


def summarise(cohort: Cohort) -> EvaluationSummary:
    """The year with another one before it."""
    weights = cohort.policy.weights.model_dump()
    summary = summarise_year(cohort, {"2027-03": "Getting to know each other"})
    overall = cohort.program.evaluation[0]
    return replace(
        summary,
        lesson=learn_weights(gather_outcomes(cohort), weights),
        comparison=compare_years(("2027", summary), [("2026", summarise_year(make_year(7), {}))]),
        fit=describe_fit(overall.text, gather_points(cohort, overall), weights),
    )


def make_pages(cohort: Cohort) -> dict[str, str]:
    happenings = [
        Happening(date(2027, 2, 20), "match", key, what, detail)
        for key in cohort.matches
        for what, detail in (("propose_match", "topics 300, focus areas 150"), ("approve_match", ""))
    ]
    summary = summarise(cohort)
    return {
        "handover": render_handover(write_handover(cohort, happenings, TODAY), summary, cohort, TODAY),
        "report": render_report(summary, cohort.program, cohort.cohort_id, TODAY),
    }


@pytest.mark.parametrize("name", ["handover", "report"])
@pytest.mark.parametrize("pairs", [0, 2, 7])
def test_a_page_fits_loads_nothing_and_is_readable_with_every_aid(
    browser: Browser, tmp_path: Path, name: str, pairs: int
) -> None:
    path = tmp_path / f"{name}.html"
    path.write_text(make_pages(make_year(pairs))[name], encoding="utf-8")
    page = browser.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
    assert (told, asked) == ([], [path.as_uri()])
    assert page.locator("b").count() == 0, "what people wrote is text"
    page.close()


def test_the_handover_shows_every_match_by_its_reference_alone(browser: Browser, tmp_path: Path) -> None:
    cohort = make_year()
    path = tmp_path / "handover.html"
    path.write_text(make_pages(cohort)["handover"], encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    words = page.locator("body").inner_text()
    assert [key for key in cohort.matches if key not in words] == []
    assert [item.name for item in cohort.applications.values() if item.name in words] == []
    assert "20 February 2027: approved by the committee" in words
    assert "11 January 2028" in words
    page.close()


def test_on_a_telephone_decisions_stay_rows_that_can_be_read(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "handover.html"
    path.write_text(make_pages(make_year())["handover"], encoding="utf-8")
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto(path.as_uri())
    rows = page.locator("section[aria-labelledby=decisions] tbody tr")
    heights = rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert len(heights) == 7
    assert max(heights) < 100, "four lines at most, and the table scrolls to the side"
    page.close()
