"""A run's page: who has to act and where, and the way to the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cohorts import at, make_cohort, mentee, mentor

from mentoring.matching import Matching, Step, find_matches
from mentoring.program import GoogleSettings
from tasks.run_pages import describe_waiting, find_desk_link, follow_progress
from tasks.runs import Run
from tasks.settings import Settings
from tasks.steps import plan_proposals


@pytest.mark.parametrize(
    ("sentence", "who", "where"),
    [
        ("Proposals that wait for a decision on the Matches tab: 3.", "committee", "Matches tab"),
        ("Program tab, “Topics' day”: see the problem beside it.", "committee", "Program tab"),
        (
            "The committee's spreadsheet has no tab “Topics”; add it, and run again.",
            "operator",
            "Topics tab",
        ),
        (
            "The forms spreadsheet has no tab “Mentors”. Rename it back, or change its name in program.yaml.",
            "operator",
            "–",
        ),
        ("Sending stopped after 10 messages in a row that did not go out.", "committee", "–"),
    ],
)
def test_a_row_says_who_acts_and_where(sentence: str, who: str, where: str) -> None:
    assert describe_waiting(sentence) == {"Who": who, "Where": where, "What": sentence}


def test_the_desk_is_linked_when_a_browser_can_open_it(sample_settings: Settings) -> None:
    assert find_desk_link(sample_settings) == ""
    google = GoogleSettings(forms="1forms-forms", committee="1desk-desk-desk")
    program = sample_settings.program.model_copy(update={"google": google})
    assert find_desk_link(replace(sample_settings, program=program)) == "", "the sheets are workbooks"
    with_google = replace(sample_settings, program=program, sheets="google")
    assert find_desk_link(with_google) == "https://docs.google.com/spreadsheets/d/1desk-desk-desk"


def test_a_matching_run_is_followed_round_by_round(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Step] = []

    def find(*tables: Any, report: Callable[[Step], None], **options: Any) -> Matching:
        # Small cohorts are done before there is anything to tell.
        report(Step(1, 0, 0))
        return find_matches(*tables, **options)

    monkeypatch.setattr("tasks.run_pages.follow_matching", lambda _: heard.append)
    monkeypatch.setattr("mentoring.matching.find_matches", find)
    cohort = make_cohort([mentor(1), mentor(2), mentee(1), mentee(2), mentee(3)])
    plan = plan_proposals.__wrapped__(replace(run, now=at("2027-02-20")), cohort, [], [])  # type: ignore[attr-defined]
    assert plan.counts["proposed"] == 2
    assert heard == [Step(1, 0, 0)]


def test_a_server_that_is_gone_stops_the_telling_and_not_the_work(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setattr("tasks.run_pages._TELL_EVERY_SECONDS", 0)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        tell = follow_progress(run, "messages handed over")
        tell(1, 3)
        tell(2, 3)
        tell(0, 0)
    assert [record.message for record in caplog.records if record.name == "tasks.run_pages"] == [
        "Progress could not be shown (ConnectError); the work goes on."
    ]
