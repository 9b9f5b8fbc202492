"""What a run leaves on its page when the committee's desk is a spreadsheet at Google."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter
from prefect.runtime import flow_run

from mentoring.matching import Step
from mentoring.program import GoogleSettings
from tasks.run_pages import follow_matching, follow_progress, show_report
from tasks.runs import Run, RunReport
from tasks.settings import Settings

WAITS = "Proposals that wait for a decision on the Matches tab: 3."


def test_figures_a_table_and_the_link_to_the_spreadsheet(sample_settings: Settings) -> None:
    google = GoogleSettings(forms="1forms-forms", committee="1desk-desk-desk")
    program = sample_settings.program.model_copy(update={"google": google})
    settings = replace(sample_settings, program=program, sheets="google")
    report = RunReport(
        "propose-matches", "2027", datetime(2027, 2, 1, tzinfo=UTC), False, {"proposed": 3}, (WAITS,)
    )

    @flow(name="page-of-a-run")
    def leave_page() -> str:
        show_report(settings, report)
        return str(flow_run.id)

    run = leave_page()
    with get_client(sync_client=True) as client:
        mine = ArtifactFilter.model_validate({"flow_run_id": {"any_": [run]}})
        left = {item.key: item.data for item in client.read_artifacts(artifact_filter=mine)}
    assert set(left) == {"propose-matches", "propose-matches-waiting", "committee-spreadsheet"}
    address = "https://docs.google.com/spreadsheets/d/1desk-desk-desk"
    assert "| proposed | 3 |" in left["propose-matches"]
    assert f"[its spreadsheet]({address})" in left["propose-matches"]
    assert left["committee-spreadsheet"] == f"[The committee's spreadsheet]({address})"
    waiting = json.loads(left["propose-matches-waiting"])
    assert waiting == [{"Who": "committee", "Where": "Matches tab", "What": WAITS}]


def test_progress_shows_of_what_takes_longer_than_a_glance(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @flow(name="page-of-a-long-run")
    def hand_over() -> str:
        quick = follow_progress(run, "messages handed over")
        for done in range(4):
            quick(done, 3)
        monkeypatch.setattr("tasks.run_pages._TELL_EVERY_SECONDS", 0)
        slow = follow_progress(run, "letters handed over")
        slow(0, 0)
        for done in range(3):
            slow(done, 3)
        monkeypatch.setattr("tasks.run_pages._TELL_EVERY_SECONDS", 1000)
        slow(3, 3)
        return str(flow_run.id)

    mine = ArtifactFilter.model_validate({"flow_run_id": {"any_": [hand_over()]}})
    with get_client(sync_client=True) as client:
        left = client.read_artifacts(artifact_filter=mine)
    assert [(item.type, item.key, item.data) for item in left] == [
        ("progress", f"{run.flow}-progress", 100.0)
    ]
    assert left[0].description == f"Cohort {run.cohort_id}, letters handed over: 3 of 3"
    assert not [record.message for record in caplog.records if record.name == "tasks.run_pages"]


def test_the_rounds_of_a_large_matching_show_how_much_is_left_to_gain(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[float, str]] = []
    mine: list[str] = []

    def look() -> None:
        with get_client(sync_client=True) as client:
            wanted = ArtifactFilter.model_validate({"flow_run_id": {"any_": mine}})
            [item] = client.read_artifacts(artifact_filter=wanted)
        assert (item.type, item.key) == ("progress", f"{run.flow}-progress")
        shown.append((round(float(item.data or 0)), item.description or ""))

    @flow(name="page-of-a-matching")
    def match() -> None:
        mine.append(str(flow_run.id))
        follow_matching(run)(Step(1, 9, None))  # over in a glance
        monkeypatch.setattr("tasks.run_pages._TELL_EVERY_SECONDS", 0)
        tell = follow_matching(run)
        for step in (Step(1, 900, None), Step(2, 400, 99_999), Step(3, 20, 99), Step(4, 0, 0)):
            tell(step)
            look()

    match()
    words = f"Cohort {run.cohort_id}, looking at every pair, round"
    assert shown == [
        (0, f"{words} 1; at most to gain: not known yet"),
        (0, f"{words} 2; at most to gain: 99,999 points"),
        (60, f"{words} 3; at most to gain: 99 points"),
        (100, f"{words} 4; at most to gain: 0 points"),
    ]
