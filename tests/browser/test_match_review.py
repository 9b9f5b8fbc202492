"""The match review in a real browser: made from real proposals, readable with every aid, and inert."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from cohorts import at, make_cohort, mentee, mentor
from playwright.sync_api import Page, sync_playwright

from mentoring.changes import Plan
from mentoring.cohort import Cohort, Match
from mentoring.proposals import plan_proposals
from tasks.review_pages import find_review, remove_review, write_review
from tasks.runs import Run

HOSTILE = "<img src=x onerror=alert(1)>“Ana” & Söhne"
AFTER, BEFORE = at("2027-02-13"), at("2027-02-01")


def make_year(pairs: int) -> Cohort:
    people = [mentor(number, capacity="1") for number in range(1, pairs + 1)]
    people += [mentee(number, goals_text=HOSTILE) for number in range(1, pairs + 2)]
    people[0] = mentor(1, institution="Library of mentee 2")
    return make_cohort(people)


def propose(cohort: Cohort, now: Any = AFTER) -> tuple[Cohort, Plan]:
    """The cohort after the proposals of a plan were recorded, as the database does it."""
    plan = plan_proposals(cohort, [], [], now)
    matches = {
        change.match_id: Match(
            change.match_id, change.mentor_application_id, change.seat, change.mentee_application_id,
            change.points, json.loads(change.explanation), False, False, "proposed", now, None, None, None, None,
        )
        for change in cast("Any", plan.changes)
    }  # fmt: skip
    return replace(cohort, matches=matches), plan


def open_run(folder: Path, now: Any = AFTER) -> Run:
    return cast("Run", SimpleNamespace(settings=SimpleNamespace(folder=folder), cohort_id="2027", now=now))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )  # fmt: skip
        yield browser.new_page()
        browser.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_shows_every_proposal_and_fits(page: Page, tmp_path: Path, width: int) -> None:
    cohort, plan = propose(make_year(6))
    assert len(cohort.matches) == 6
    path = write_review(open_run(tmp_path), cohort, plan)
    assert path is not None
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path.as_uri())
    assert (told, asked) == ([], [path.as_uri()])
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("getComputedStyle(document.querySelector('.bar')).fill") == "rgb(31, 90, 134)"
    assert page.locator("article").count() == 6
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator(".profiles").first.inner_text()
    first = max(cohort.matches.values(), key=lambda match: match.points)
    assert f"{first.points} points" in page.locator("article").first.inner_text()
    assert page.locator(".map tbody tr").count() == 7
    assert page.locator(".map .chosen").count() == 6
    assert page.locator(".map .forbidden").count() == 1, "mentor 1 and mentee 2 share an institution"
    assert "would give one more mentee a mentor" in page.locator("main").inner_text()
    assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []


def test_points_stand_behind_a_name_that_is_written_from_right_to_left(page: Page, tmp_path: Path) -> None:
    people = [mentor(1), mentor(2), mentee(1, name="ليلى حداد"), mentee(2, name="נועה לוי")]
    path = write_review(open_run(tmp_path), *propose(make_cohort(people)))
    assert path is not None
    page.goto(path.as_uri())
    gaps = page.locator(".contents li").evaluate_all(
        """lines => lines.map(line => {
            const points = document.createRange();
            points.selectNodeContents(line.lastChild);
            return points.getBoundingClientRect().left - line.querySelector("a").getBoundingClientRect().right;
        })"""
    )
    assert len(gaps) == 2
    assert all(-1 <= gap <= 1 for gap in gaps)


def test_points_stand_in_the_order_of_the_program_and_not_of_the_alphabet(page: Page, tmp_path: Path) -> None:
    cohort, plan = propose(make_year(1))
    path = write_review(open_run(tmp_path), cohort, plan)
    assert path is not None
    page.goto(path.as_uri())
    order = [name.replace("_", " ") for name, weight in cohort.policy.weights.model_dump().items() if weight]
    assert page.locator(".criteria tbody th").all_inner_texts() == order


def test_a_time_zone_breaks_at_its_slash_on_a_phone(page: Page, tmp_path: Path) -> None:
    people = [mentor(1, time_zone="America/Los_Angeles"), mentee(1, time_zone="America/Los_Angeles")]
    path = write_review(open_run(tmp_path), *propose(make_cohort(people)))
    assert path is not None
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(path.as_uri())
    lines = (
        page.locator(".profiles tr", has_text="Time zone")
        .locator("td")
        .first.evaluate(
            """cell => [...cell.childNodes].filter(node => node.data).map(node => {
            const words = document.createRange();
            words.selectNodeContents(node);
            return words.getClientRects().length;
        })"""
        )
    )
    assert lines == [1, 1], "two parts, each in one line"


def test_a_deadline_that_has_passed_is_said_to_have_passed(page: Page, tmp_path: Path) -> None:
    for now, words in (
        (BEFORE, "Applications close on 12 February 2027"),
        (AFTER, "Applications closed on 12 February 2027"),
    ):
        path = write_review(open_run(tmp_path, now), *propose(make_year(2), now))
        assert path is not None
        page.goto(path.as_uri())
        assert words in page.locator("header").inner_text()


def test_the_keyboard_reaches_what_scrolls_and_every_link_leads_somewhere(page: Page, tmp_path: Path) -> None:
    path = write_review(open_run(tmp_path), *propose(make_year(3)))
    assert path is not None
    page.goto(path.as_uri())
    wanted = page.locator("a[href], .scroll").count()
    for _ in range(wanted):
        page.keyboard.press("Tab")
    assert (
        page.evaluate("document.activeElement.getAttribute('aria-label')")
        == "Table: points of every possible pair"
    )
    links = page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href').slice(1))")
    assert links
    assert all(page.locator(f"#{target}").count() == 1 for target in links)


def test_before_the_deadline_the_page_shows_whom_to_look_for(page: Page, tmp_path: Path) -> None:
    cohort, plan = propose(make_year(2), BEFORE)
    assert cohort.matches == {}
    path = write_review(open_run(tmp_path, BEFORE), cohort, plan)
    assert path is not None
    page.goto(path.as_uri())
    words = page.locator("main").inner_text()
    assert "Proposals follow after applications have closed." in words
    assert "One more mentor like" in words
    assert page.locator(".map tbody tr").count() == 3


def test_the_page_is_its_owners_alone_and_goes_when_there_is_nothing_to_review(tmp_path: Path) -> None:
    cohort, plan = propose(make_year(2))
    run = open_run(tmp_path)
    path = write_review(run, cohort, plan)
    assert path == find_review(tmp_path, "2027")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert write_review(run, replace(cohort, is_anonymised=True), plan) is None
    assert not path.exists()
    write_review(run, cohort, plan)
    assert write_review(run, cohort, plan_proposals(cohort, [], [], at("2027-12-20"))) is None
    assert not path.exists()
    write_review(run, cohort, plan)
    remove_review(run)
    assert not path.exists()
    remove_review(run)
