"""What is handed over to the next committee: decisions by reference, changed settings, days, open ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from cohorts import at, make_cohort, mentee, mentor, pair, queue, with_messages

from mentoring.changes import EndMatch, ExplainMatch, HoldMatch, ProposeMatch
from mentoring.cohort import Request
from mentoring.handover import Happening, write_handover

TODAY = date(2027, 12, 12)


def happen(day: str, entity_id: str, happening: str, detail: str = "", entity: str = "match") -> Happening:
    return Happening(date.fromisoformat(day), entity, entity_id, happening, detail)


def test_a_match_is_told_with_its_points_and_every_step() -> None:
    match = replace(pair(1, 1), state="ended", reason="not_working_out", points=470)
    cohort = make_cohort([mentor(1), mentee(1)], [match])
    key = match.match_id
    happenings = [
        happen("2027-02-13", key, "propose_match", "topics 300"),
        happen("2027-02-14", key, "explain_match", "topics 300, goals 170"),
        happen("2027-02-15", key, "hold_match", "held"),
        happen("2027-02-16", key, "approve_match"),
        happen("2027-03-01", key, "activate_match"),
        happen("2027-06-01", key, "end_match", "not_working_out"),
    ]
    [told] = write_handover(cohort, happenings, TODAY).matches
    assert (told.reference, told.about) == (key, "match")
    assert told.why == "470 points: topics 300, goals 170"
    assert [f"{day:%m-%d} {step}" for day, step in told.steps] == [
        "02-15 put on hold by the committee",
        "02-16 approved by the committee",
        "03-01 introduced",
        "06-01 ended: it did not work out",
    ]


def test_what_one_run_did_is_told_in_the_order_of_a_life() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    log = [happen("2027-03-01", "2027-match-001", what) for what in ("activate_match", "approve_match")]
    [told] = write_handover(cohort, log, TODAY).matches
    assert [step for _, step in told.steps] == ["approved by the committee", "introduced"]


def test_proposals_that_gave_way_are_left_out_and_rejected_ones_are_not() -> None:
    gave_way = replace(pair(1, 1), match_id="2027-match-008", state="rejected", reason="superseded")
    rejected = replace(pair(1, 1), match_id="2027-match-009", state="rejected", reason="committee")
    cohort = make_cohort([mentor(1), mentee(1)], [gave_way, rejected])
    told = write_handover(
        cohort, [happen("2027-02-15", "2027-match-009", "reject_match", "committee")], TODAY
    )
    assert [item.reference for item in told.matches] == ["2027-match-009"]
    assert told.matches[0].steps == [(date(2027, 2, 15), "rejected by the committee")]


def test_the_log_keeps_figures_and_reasons_but_no_words_of_an_explanation() -> None:
    explanation = json.dumps(
        {"criteria": {"focus_areas": 0, "goals": 90, "topics": 300}, "why": ["Ana says …"]}
    )
    assert ProposeMatch("m", "a", 1, "b", 390, explanation, 0).detail == "topics 300, goals 90"
    assert ExplainMatch("m", 390, "{}").detail == ""
    assert [HoldMatch("m", held, "Bo").detail for held in (1, 0)] == ["held", "let go"]
    assert EndMatch("m", "withdrawn").detail == "withdrawn"


def test_a_request_is_told_by_its_kind_and_match_without_its_words() -> None:
    request = Request(
        "request-1", "r", at("2027-06-01"), "2027-mentee-001", "2027-match-001", "withdrawn", True, "Secret", "", "Bo",
        "done",
    )  # fmt: skip
    cohort = replace(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]), requests={"request-1": request})
    log = [
        happen("2027-06-01", "request-1", "add_request", "", "request"),
        happen("2027-06-02", "request-1", "decide_request", "confirmed", "request"),
    ]
    [told] = write_handover(cohort, log, TODAY).requests
    assert (told.about, told.why) == ("Can't go on", "2027-match-001")
    assert [step for _, step in told.steps] == ["came in", "confirmed by the committee"]
    assert "Secret" not in repr(told)


def test_what_the_committee_changed_is_told_against_the_file() -> None:
    cohort = make_cohort([])
    assert write_handover(cohort, [], TODAY).changed == []
    weights = cohort.policy.weights.model_copy(update={"goals": 90})
    changed = replace(
        cohort,
        settings=cohort.settings.model_copy(update={"ends": date(2027, 12, 1)}),
        policy=cohort.policy.model_copy(update={"weights": weights}),
    )
    told = write_handover(changed, [], TODAY)
    assert told.changed == [("Ends", "2027-11-30", "2027-12-01"), ("Weight of goals", "150", "90")]
    assert (date(2028, 12, 1), "last day of the year") in told.calendar


def test_the_calendar_is_a_year_later_and_in_order() -> None:
    days = write_handover(make_cohort([]), [], TODAY).calendar
    assert days[0] == (date(2028, 1, 11), "applications open")
    assert days == sorted(days)
    assert len([what for _, what in days if what == "monthly topic"]) == 8


def test_the_calendar_moves_along_with_the_day_on_which_the_next_cohort_opens() -> None:
    told = write_handover(make_cohort([], next_cohort_opens="2028-02-01"), [], TODAY)
    assert told.calendar[:3] == [
        (date(2028, 2, 1), "applications open"),
        (date(2028, 3, 4), "last day to apply"),
        (date(2028, 3, 22), "introductions, with the month's topic"),
    ]
    assert told.changed == [("Next cohort opens", "none", "2028-02-01")]


def test_open_ends_say_what_waits_for_whom() -> None:
    cohort = make_cohort([mentor(1), mentee(1), mentee(2), mentee(3, "needs_attention")], [pair(1, 1)])
    doubtful = queue(cohort, "monthly_topic", "2027-match-001", "2027-04", "2027-mentor-001", "unknown")
    told = write_handover(with_messages(cohort, doubtful), [], date(2027, 11, 20)).open_ends
    assert told == [
        ("The applicants", "Applications that wait for the applicant's correction: 1."),
        ("The committee", "Messages that wait for a decision on the Messages tab: 1."),
        (
            "Next year's matching",
            "Mentees who were accepted and never had a mentor: 1 (2027-mentee-002). Who applies again goes first.",
        ),
        ("The pairs", "Pairs that are under way: 1."),
        ("Those who were asked", "Evaluations that have not come back: 2."),
    ]
