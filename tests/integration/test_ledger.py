"""The cohort in the database: what is read is what was applied, and a plan is applied as a whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from program_databases import NOW
from small_cohort import DAY, INTRODUCTIONS, SmallCohort

from mentoring import changes
from mentoring.changes import (
    ActivateMatch,
    AddApplication,
    AddCheckIn,
    AddConfirmation,
    AddPerson,
    AddRequest,
    AddSeat,
    AddUnplacedResponse,
    ApproveMatch,
    CancelMessage,
    Change,
    DecideRequest,
    DropSetting,
    EndMatch,
    EndPause,
    ExplainMatch,
    FinishRequest,
    HoldMatch,
    LengthenPause,
    OpenCohort,
    PauseMatch,
    Plan,
    ProposeMatch,
    PutEvaluation,
    PutSetting,
    ReissueAttachments,
    ReissueMessage,
    RejectMatch,
    RemoveSeats,
    RenamePerson,
    ResolveMessage,
    ResumeMatch,
    ReviseApplication,
    RevokeConfirmation,
    SettleApplication,
    TakeBackCohort,
)
from mentoring.cohort import (
    Application,
    CheckIn,
    Confirmation,
    Evaluation,
    Match,
    Pause,
    Person,
    QueuedMessage,
    Request,
)
from mentoring.messages import MessageError, hash_body
from mentoring.pair_standing import count_contact
from tasks.database import ChangedMeanwhileError, format_time
from tasks.ledger import apply_plan, read_overrides, render_draft
from tasks.outbox import deliver_due_messages
from tasks.runs import Run

TABLES = (
    *("people", "applications", "mentor_seats", "matches", "messages", "requests", "check_ins"),
    *("confirmations", "evaluations", "unplaced_responses", "cohort_settings", "audit_log"),
)
WHEN = "2027-03-01T15:00:00Z"


@pytest.fixture
def cohort(run: Run) -> SmallCohort:
    return SmallCohort(run)


def read_everything(cohort: SmallCohort) -> dict[str, list[dict[str, object]]]:
    return {table: cohort.rows(table) for table in TABLES}


# Reading


def test_an_application_reads_back(cohort: SmallCohort) -> None:
    answers = {"goals_text": "“Grow” – 成長\n\ttab", "capacity": "2"}
    faults = [{"field": "capacity", "question": "How many?", "mend": "Write 1 to 5.", "sentence": "Row 7: …"}]
    cohort.apply(
        AddPerson("p1", "zoe@example.org", "Zoe@example.org", "Zoë O'Neil; DROP TABLE people"),
        AddApplication("a1", "mentor", "p1", "k1", 7, "2027-01-31T23:59:59Z", 1, json.dumps(answers)),
        SettleApplication("a1", "received", "needs_attention", json.dumps(faults), "Why."),
        AddApplication("a2", "mentee", None, "k2", 8, "2027-02-01T00:00:00Z", 0, "{}"),
    )
    read = cohort.read()
    assert read.applications["a1"] == Application(
        application_id="a1",
        role="mentor",
        person_id="p1",
        name="Zoë O'Neil; DROP TABLE people",
        email="Zoe@example.org",
        response_key="k1",
        sheet_row=7,
        received_at=datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC),
        is_late=True,
        answers=answers,
        faults=faults,
        reason="Why.",
        revision=1,
        state="needs_attention",
    )
    nobody = read.applications["a2"]
    assert (nobody.person_id, nobody.name, nobody.email, nobody.is_late) == (None, "", "", False)
    assert read.people == {
        "p1": Person("p1", "zoe@example.org", "Zoe@example.org", "Zoë O'Neil; DROP TABLE people")
    }


def test_a_match_reads_back_through_its_life(cohort: SmallCohort) -> None:
    match_id = cohort.propose(explanation={"why": ["Both like serials"]})
    proposed = Match(
        match_id=match_id,
        mentor_application_id="mentor-1",
        seat=1,
        mentee_application_id="mentee-1",
        points=100,
        explanation={"why": ["Both like serials"]},
        is_rematch=False,
        is_held=False,
        state="proposed",
        proposed_at=NOW,
        decided_by=None,
        introduced_at=None,
        ended_at=None,
        reason=None,
    )
    assert cohort.read().matches == {match_id: proposed}
    later = cohort.at(NOW + DAY)
    later.apply(HoldMatch(match_id, 1, "Ann"))
    held = replace(proposed, is_held=True, decided_by="Ann")
    assert later.read().matches[match_id] == held
    later.apply(ExplainMatch(match_id, 90, '{"why": []}'), ApproveMatch(match_id, "Bea"))
    approved = replace(
        held, points=90, explanation={"why": []}, is_held=False, decided_by="Bea", state="approved"
    )
    assert later.read().matches[match_id] == approved
    later.apply(ActivateMatch(match_id))
    active = replace(approved, state="active", introduced_at=NOW + DAY)
    assert later.read().matches[match_id] == active
    cohort.at(NOW + 2 * DAY).apply(EndMatch(match_id, "completed"))
    ended = replace(active, state="ended", ended_at=NOW + 2 * DAY, reason="completed")
    assert cohort.read().matches[match_id] == ended


def test_answers_read_back(cohort: SmallCohort) -> None:
    match_id = cohort.introduce()
    cohort.apply(
        AddRequest("r1", "k1", WHEN, "mentee-1", match_id, "not_working_out", 1, "Their words", ""),
        AddRequest("r2", "k2", WHEN, None, None, "withdrawn", 0, "", "Nobody has this address."),
        AddCheckIn("k3", match_id, "mentor-1", WHEN, "connected", 3, "Fine", "two_weeks", "Call"),
        AddCheckIn("k4", match_id, "mentee-1", WHEN, "not_yet", None, ""),
        PutEvaluation(match_id, "mentor-1", "k5", WHEN, '{"overall": "5"}'),
        AddUnplacedResponse("k6", "check_in", 9, "No reference of ours."),
        PutSetting("topics_day", "3"),
        DecideRequest("r1", "received", "confirmed", "Ann"),
    )
    later = "2027-03-02T15:00:00Z"
    cohort.apply(
        PutEvaluation(match_id, "mentor-1", "k7", later, '{"overall": "4"}'), PutSetting("topics_day", "4")
    )
    read = cohort.read()
    first = Request(
        "r1", "k1", NOW, "mentee-1", match_id, "not_working_out", True, "Their words", "", "Ann", "confirmed"
    )
    second = Request(
        "r2", "k2", NOW, None, None, "withdrawn", False, "", "Nobody has this address.", None, "received"
    )
    assert read.requests == {"r1": first, "r2": second}
    assert read.check_ins == [
        CheckIn("k3", match_id, "mentor-1", NOW, "connected", 3, "Fine", "two_weeks", "Call"),
        CheckIn("k4", match_id, "mentee-1", NOW, "not_yet", None, ""),
    ]
    assert read.evaluations == [Evaluation(match_id, "mentor-1", "k7", NOW + DAY, {"overall": "4"})]
    assert read.unplaced == {"k6": "No reference of ours."}
    [setting] = cohort.rows("cohort_settings")
    assert (setting["setting"], setting["setting_value"]) == ("topics_day", "4")


def test_a_pause_reads_back_through_its_life(cohort: SmallCohort) -> None:
    match_id = cohort.introduce()
    cohort.apply(AddRequest("r1", "k1", WHEN, "mentee-1", match_id, "paused", 0, "", "", "2027-05-01"))
    assert cohort.read().requests["r1"].paused_until == date(2027, 5, 1)
    cohort.apply(PauseMatch(match_id, "p1", "r1", "2027-05-01"))
    running = Pause("p1", match_id, "r1", NOW, date(2027, 5, 1), None, "running")
    assert cohort.read().pauses == [running]
    assert cohort.read().running_pauses == {match_id: running}
    cohort.at(NOW + DAY).apply(LengthenPause(match_id, "p1", "2027-05-09"))
    cohort.at(NOW + 2 * DAY).apply(ResumeMatch(match_id, "p1", "resumed"))
    over = Pause("p1", match_id, "r1", NOW, date(2027, 5, 9), NOW + 2 * DAY, "resumed")
    assert (cohort.read().pauses, cohort.read().running_pauses) == ([over], {})
    steps = [(row["happening"], row["detail"]) for row in cohort.rows("audit_log", entity_id=match_id)]
    assert steps[-3:] == [("pause_match", ""), ("lengthen_pause", ""), ("resume_match", "resumed")]


def test_what_is_said_during_a_pause_costs_nobody_the_place_in_line(cohort: SmallCohort) -> None:
    """The view of next year's priorities and the count of the report agree that it is no news."""
    for is_paused in (False, True):
        match_id = cohort.introduce()
        mentee = cohort.read().matches[match_id].mentee_application_id
        if is_paused:
            pause_id = cohort.pause(match_id)
        heard = format_time(NOW + DAY)
        cohort.apply(AddCheckIn(f"c-{match_id}", match_id, mentee, heard, "partner_missing", None, ""))
        if is_paused:
            cohort.at(NOW + 2 * DAY).resume(match_id, pause_id)
        cohort.at(NOW + 9 * DAY).apply(EndMatch(match_id, "completed"))
    assert count_contact(cohort.read()) == {"told": 0, "none": 1, "unknown": 1}
    assert cohort.rows("matches_without_contact") == [{"match_id": "match-1"}]


def test_confirmations_read_back_and_the_first_one_counts(cohort: SmallCohort) -> None:
    code = cohort.queue()[0]
    first = AddConfirmation("mentee-1", "person-1", "k1", "link", code)
    cohort.apply(first)
    before = cohort.rows("confirmations")
    in_force = Confirmation("k1", "mentee-1", "person-1", "link", code, is_revoked=False)
    assert cohort.read().confirmations == [in_force]
    # The same run retried, two runs at once, a code once more, a second one in force: nothing changes.
    cohort.apply(first)
    cohort.apply(AddConfirmation("mentee-1", "person-1", "k2", "verified_address", None))
    assert cohort.rows("confirmations") == before
    cohort.at(NOW + DAY).apply(RevokeConfirmation("mentee-1"))
    cohort.at(NOW + DAY).apply(RevokeConfirmation("mentee-1"))
    revoked = replace(in_force, is_revoked=True)
    assert cohort.read().confirmations == [revoked]
    cohort.apply(AddConfirmation("mentee-1", "person-1", "k3", "link", code))
    assert cohort.read().confirmations == [revoked]
    cohort.at(NOW + 2 * DAY).apply(AddConfirmation("mentee-1", "person-1", "k4", "verified_address", None))
    assert cohort.read().confirmed == {"mentee-1": "person-1"}
    happenings = [row["happening"] for row in cohort.rows("audit_log") if "confirmation" in row["happening"]]
    assert sorted(happenings) == ["add_confirmation", "add_confirmation", "revoke_confirmation"]


def test_a_message_reads_back_and_is_what_was_rendered(cohort: SmallCohort) -> None:
    match_id = cohort.introduce()
    read = cohort.read()
    draft = cohort.draft("introduction_mentor", match_id, 0)
    message_id = read.make_message_id(draft)
    assert read.messages_by_id[message_id] == QueuedMessage(
        message_id, match_id, "introduction_mentor", "first", "person-1", 0, "pending", "", None, NOW, None
    )
    [row] = cohort.rows("messages", message_id=message_id)
    rendered = render_draft(read, draft, "Ana Ortiz", {})
    assert (row["subject_line"], row["body_text"], row["body_html"]) == (
        rendered.subject,
        rendered.text,
        rendered.html,
    )
    assert row["body_hash"] == hash_body(rendered)
    assert (row["not_before"], row["expires_at"]) == (WHEN, "2027-03-31T15:00:00Z")


def open_next_year(cohort: SmallCohort, name: str) -> SmallCohort:
    with cohort.run.database.transaction("test", NOW) as transaction:
        transaction.execute("add_cohort", cohort_id=name, at=transaction.at, token_key="1" * 32)
    program = cohort.run.settings.program
    cohorts = {**program.cohorts, name: program.cohorts["2027"]}
    settings = replace(cohort.run.settings, program=program.model_copy(update={"cohorts": cohorts}))
    return SmallCohort(replace(cohort.run, cohort_id=name, settings=settings), cohort.made)


@pytest.mark.parametrize(
    ("told", "contact"),
    [
        ([("mentee", "partner_missing", None)], "none"),
        ([("mentee", "not_yet", None), ("mentor", "not_yet", 0)], "none"),
        ([("mentee", "not_yet", None), ("mentor", "connected", None)], "told"),
        ([("mentee", "partner_missing", None), ("mentee", "not_yet", 2)], "told"),
        # Whoever was silent, too, can't be told apart from somebody who was content.
        ([("mentor", "partner_missing", None)], "unknown"),
        ([("mentee", "want_to_talk", None)], "unknown"),
        ([], "unknown"),
    ],
)
def test_whoever_never_heard_from_a_mentor_keeps_the_place_in_line(
    cohort: SmallCohort, told: list[tuple[str, str, int | None]], contact: str
) -> None:
    match_id = cohort.introduce()
    cohort.apply(
        *(
            AddCheckIn(f"k{number}", match_id, f"{role}-1", WHEN, signal, contacts, "")
            for number, (role, signal, contacts) in enumerate(told)
        )
    )
    assert open_next_year(cohort, "2028").read().waited_since == {}, "the year is not over"
    nothing = {"told": 0, "none": 0, "unknown": 0}
    assert count_contact(cohort.read()) == nothing, "the year is not over"
    cohort.apply(EndMatch(match_id, "completed"))
    assert count_contact(cohort.read()) == {**nothing, contact: 1}
    without = [row["match_id"] for row in cohort.rows("matches_without_contact")]
    assert without == ([match_id] if contact == "none" else []), "the view holds what is counted"
    mentee = cohort.read().person_of("mentee-1")
    assert open_next_year(cohort, "2028").read().waited_since == (
        {mentee: date(2027, 1, 30)} if contact == "none" else {}
    )


def test_whoever_got_a_mentor_since_waits_no_longer(cohort: SmallCohort) -> None:
    waiting = cohort.add_application("mentee")
    person = cohort.read().person_of(waiting)
    second = open_next_year(cohort, "2028").at(NOW + 366 * DAY)
    second.introduce(mentee=second.add_application("mentee", person))
    assert open_next_year(second, "2029").read().waited_since == {}


def test_earlier_cohorts_count_for_pairs_and_for_waiting(cohort: SmallCohort) -> None:
    cohort.introduce()
    waiting = cohort.add_application("mentee")
    cohort.propose(mentee=cohort.add_application("mentee"))
    withdrawn = cohort.add_application("mentee")
    cohort.apply(SettleApplication(withdrawn, "accepted", "withdrawn", "[]", ""))
    read = open_next_year(cohort, "2028").read()
    assert read.applications == {}
    assert read.earlier_pairs == {("person-1", "person-2")}
    person_of = cohort.read().person_of
    proposed = person_of("mentee-3")
    assert read.waited_since == {person_of(waiting): date(2027, 1, 30), proposed: date(2027, 1, 30)}
    assert cohort.read().earlier_pairs == frozenset()


# Applying


def test_every_kind_of_change_can_be_applied(cohort: SmallCohort) -> None:
    """On both databases, with the audit row of each."""
    cohort.introduce(mentor=cohort.add_application("mentor", seats=3))
    rejected, held = cohort.propose(), cohort.propose()
    [pending, doubtful] = cohort.queue(2)
    cohort.execute(
        "UPDATE messages SET previous_state = 'pending', state = 'failed', settled_at = '2027-03-01T15:00:00Z' "
        f"WHERE message_id = '{doubtful}'"
    )
    cohort.rows("audit_log")
    batch: list[Change] = [
        AddPerson("p9", "p9@example.org", "p9@example.org", "Nia"),
        RenamePerson("p9", "P9@example.org", "Nia Okoro"),
        AddApplication("a9", "mentor", "p9", "k9", 9, WHEN, 0, "{}"),
        SettleApplication("a9", "received", "accepted", "[]", ""),
        ReviseApplication("a9", "accepted", "p9", "k10", 10, WHEN, 0, '{"capacity": "2"}'),
        AddSeat("a9", 1),
        AddSeat("a9", 2),
        RemoveSeats("a9", 1),
        ProposeMatch("m9", "a9", 1, "mentee-4", 1, "{}", 1),
        ExplainMatch("m9", 2, "{}"),
        HoldMatch("m9", 1, "Ann"),
        ApproveMatch("m9", "Ann"),
        ActivateMatch("m9"),
        AddRequest("r8", "k8", WHEN, "a9", "m9", "paused", 0, "", "", "2027-05-01"),
        PauseMatch("m9", "m9-pause-1", "r8", "2027-05-01"),
        LengthenPause("m9", "m9-pause-1", "2027-05-09"),
        ResumeMatch("m9", "m9-pause-1", "elapsed"),
        PauseMatch("m9", "m9-pause-2", "r8", "2027-06-01"),
        EndPause("m9", "m9-pause-2"),
        EndMatch("m9", "withdrawn"),
        RejectMatch(rejected, "proposed", "superseded", None),
        RejectMatch(held, "proposed", "committee", "Ann"),
        AddRequest("r9", "k11", WHEN, "a9", "m9", "withdrawn", 0, "", ""),
        DecideRequest("r9", "received", "confirmed", "Ann"),
        FinishRequest("r9"),
        AddCheckIn("k12", "m9", "a9", WHEN, "connected", 0, ""),
        PutEvaluation("m9", "a9", "k13", WHEN, "{}"),
        AddUnplacedResponse("k14", "request", 3, "?"),
        AddConfirmation("a9", "p9", "k15", "verified_address", None),
        RevokeConfirmation("a9"),
        PutSetting("topics_day", "2"),
        DropSetting("topics_day"),
        OpenCohort("2028", '{"applications_open": "2028-01-11"}'),
        TakeBackCohort("2028"),
        CancelMessage(pending, "Wrong by now."),
        ReissueMessage(doubtful, "0" * 32, 1, WHEN, "2027-03-09T00:00:00Z"),
        ReissueAttachments(doubtful, "0" * 32),
        ResolveMessage(doubtful, "resent"),
    ]
    known = {item for item in vars(changes).values() if isinstance(item, type) and issubclass(item, Change)}
    assert {type(change) for change in batch} == known - {Change}
    cohort.execute(
        f"INSERT INTO message_attachments VALUES ('{doubtful}', 0, 'a.ics', 'text/calendar', 'QQ==')"
    )
    before = len(cohort.rows("audit_log"))
    cohort.apply(*batch)
    [copy] = cohort.rows("message_attachments", message_id="0" * 32)
    assert (copy["file_name"], copy["media_type"], copy["content"]) == ("a.ics", "text/calendar", "QQ==")
    cohort.execute("DELETE FROM message_attachments")
    noted = cohort.rows("audit_log")[before:]
    assert sorted(row["happening"] for row in noted) == sorted(change.query for change in batch)
    assert {row["actor"] for row in noted} == {"test"}
    assert {(row["entity"], row["entity_id"]) for row in noted} == {change.entity for change in batch}
    assert [
        (row["application_id"], row["seat"]) for row in cohort.rows("mentor_seats", application_id="a9")
    ] == [("a9", 1)]
    assert cohort.read().applications["a9"].revision == 2
    reissued, original = (cohort.rows("messages", message_id=key)[0] for key in ("0" * 32, doubtful))
    own = (
        "message_id",
        "reissue",
        "queued_at",
        "not_before",
        "expires_at",
        "state",
        "previous_state",
        "settled_at",
        "resolution",
    )
    assert {key: reissued[key] for key in reissued if key not in own} == {
        key: original[key] for key in original if key not in own
    }
    assert (reissued["reissue"], reissued["state"], reissued["resolution"]) == (1, "pending", None)
    assert deliver_due_messages(cohort.run)["sent"] == 3


def test_a_seat_that_a_match_ever_used_stays(cohort: SmallCohort) -> None:
    mentor = cohort.add_application("mentor", seats=4)
    match_id = cohort.introduce(mentor=mentor, seat=3)
    cohort.apply(EndMatch(match_id, "not_working_out"))
    cohort.apply(AddSeat(mentor, 1), RemoveSeats(mentor, 1))
    assert sorted(row["seat"] for row in cohort.rows("mentor_seats")) == [1, 3]


STALE = {
    "approve a match that was rejected": ApproveMatch("match-1", "Ann"),
    "activate a match that is only proposed": ActivateMatch("match-2"),
    "end a match that is not active": EndMatch("match-2", "completed"),
    "reject a match that moved on": RejectMatch("match-3", "proposed", "superseded", None),
    "hold a match that is approved": HoldMatch("match-3", 1, "Ann"),
    "settle an application twice": SettleApplication("mentee-1", "received", "accepted", "[]", ""),
    "revise an application that moved on": ReviseApplication(
        "mentee-1", "needs_attention", None, "k", 1, WHEN, 0, "{}"
    ),
    "decide a request that is not there": DecideRequest("none", "received", "confirmed", "Ann"),
    "finish a request that is not confirmed": FinishRequest("none"),
    "lengthen a pause that is not there": LengthenPause("match-2", "none", "2027-05-01"),
    "resume a match that does not rest": ResumeMatch("match-2", "none", "elapsed"),
    "end a pause that is over": EndPause("match-2", "none"),
    "cancel a message that is not there": CancelMessage("none", "x"),
    "resolve a message that is not there": ResolveMessage("none", "left"),
    "resend a message that is not there": ReissueMessage("none", "n", 1, WHEN, "2027-03-09T00:00:00Z"),
    "rename somebody unknown": RenamePerson("nobody", "x@example.org", "X"),
    "clear a setting that was cleared": DropSetting("topics_day"),
}


@pytest.mark.parametrize("stale", STALE.values(), ids=STALE.keys())
def test_a_stale_plan_changes_nothing_at_all(cohort: SmallCohort, stale: Change) -> None:
    cohort.propose()
    cohort.apply(RejectMatch("match-1", "proposed", "committee", "Ann"))
    cohort.propose()
    cohort.approve()
    before = read_everything(cohort)
    good = (AddPerson("new", "new@example.org", "new@example.org", "New"), ApproveMatch("match-2", "Ann"))
    good = good if stale.entity[1] != "match-2" else good[:1]
    letter = cohort.thank("mentee-1")
    with pytest.raises(ChangedMeanwhileError) as trouble:
        cohort.apply(*good, stale, messages=(letter,))
    assert str(trouble.value) == f"“{stale.query}” found its row changed by another run; run again."
    assert read_everything(cohort) == before
    cohort.apply(*good, messages=(letter,))
    assert len(cohort.rows("messages")) == 1


def test_one_stale_change_among_many_of_its_kind_is_noticed(cohort: SmallCohort) -> None:
    mentees = [cohort.add_application("mentee") for _ in range(3)]
    before = read_everything(cohort)
    gone = [SettleApplication(key, "accepted", "withdrawn", "[]", "") for key in mentees]
    moved_on = SettleApplication(mentees[1], "needs_attention", "withdrawn", "[]", "")
    with pytest.raises(ChangedMeanwhileError):
        cohort.apply(gone[0], moved_on, gone[2])
    assert read_everything(cohort) == before
    cohort.apply(*gone)
    assert {row["state"] for row in cohort.rows("applications")} == {"withdrawn"}


def test_of_changes_that_may_be_done_already_only_the_others_are_noted(cohort: SmallCohort) -> None:
    mentor = cohort.add_application("mentor", seats=1)
    known = {row["audit_id"] for row in cohort.rows("audit_log")}
    cohort.apply(*(AddSeat(mentor, seat) for seat in (1, 2, 3)))
    noted = [row["happening"] for row in cohort.rows("audit_log") if row["audit_id"] not in known]
    assert noted == ["add_seat", "add_seat"]


def test_a_message_that_cannot_be_written_takes_its_change_along(cohort: SmallCohort) -> None:
    match_id = cohort.approve()
    good, bad = (cohort.draft(kind, match_id, side) for side, kind in enumerate(INTRODUCTIONS))
    before = read_everything(cohort)
    with pytest.raises(MessageError):
        cohort.apply(ActivateMatch(match_id), messages=(good, replace(bad, context={})))
    assert read_everything(cohort) == before


def test_a_message_that_the_database_refuses_takes_its_change_along(cohort: SmallCohort) -> None:
    from tasks.database import RefusedChangeError

    match_id = cohort.approve()
    good, bad = (cohort.draft(kind, match_id, side) for side, kind in enumerate(INTRODUCTIONS))
    before = read_everything(cohort)
    with pytest.raises(RefusedChangeError, match="messages_begin_before_they_expire"):
        cohort.apply(ActivateMatch(match_id), messages=(good, replace(bad, expires_at=bad.not_before)))
    assert read_everything(cohort) == before


def test_of_two_runs_with_the_same_plan_the_second_changes_nothing(cohort: SmallCohort) -> None:
    match_id = cohort.approve()
    seen = cohort.read()
    letters = tuple(cohort.draft(kind, match_id, side) for side, kind in enumerate(INTRODUCTIONS))
    plan = Plan((ActivateMatch(match_id),), letters)
    apply_plan(cohort.run, seen, plan)
    before = read_everything(cohort)
    with pytest.raises(ChangedMeanwhileError):
        apply_plan(cohort.run, seen, plan)
    assert read_everything(cohort) == before


def test_two_runs_that_read_the_same_answer_both_go_on(cohort: SmallCohort) -> None:
    match_id = cohort.approve()
    cohort.apply(ActivateMatch(match_id))
    seen = cohort.read()
    answer = AddCheckIn("key-1", match_id, "mentee-1", WHEN, "connected", 1, "")
    apply_plan(cohort.run, seen, Plan((answer,)))
    before = read_everything(cohort)
    apply_plan(cohort.run, seen, Plan((answer,)))
    assert read_everything(cohort) == before


def test_a_message_is_queued_once_and_its_text_stays(cohort: SmallCohort) -> None:
    key = cohort.add_application("mentee")
    draft = cohort.thank(key, ("Bo",))
    cohort.apply(messages=(draft, draft))
    before = read_everything(cohort)
    assert len(before["messages"]) == 1
    cohort.apply(messages=(replace(draft, context={**draft.context, "partners": ["Somebody else"]}),))
    assert read_everything(cohort) == before


def test_an_empty_plan_does_not_touch_the_database(cohort: SmallCohort) -> None:
    seen = cohort.read()
    before = read_everything(cohort)
    away = replace(cohort.run.settings, folder=cohort.run.settings.folder / "nowhere")
    apply_plan(replace(cohort.run, settings=away), seen, Plan())
    assert read_everything(cohort) == before


def test_texts_from_people_are_values_never_sql(cohort: SmallCohort) -> None:
    for number, hostile in enumerate(
        ("'); DROP TABLE people; --", ":at", "%s %(at)s %", "\\'; \\", "$1 ?1 {}", "\u202e")
    ):
        person = cohort.add_person(hostile)
        cohort.add_application("mentee", person, goals_text=hostile)
        assert cohort.read().people[person].name == hostile
        assert cohort.read().applications[f"mentee-{number + 1}"].answers["goals_text"] == hostile


def test_the_audit_says_who_what_and_when_and_nothing_personal(cohort: SmallCohort) -> None:
    canary = "Xanthippe"
    person = cohort.add_person(f"{canary} Quill", f"{canary}@example.org")
    mentee = cohort.add_application("mentee", person, goals_text=canary)
    match_id = cohort.introduce(mentee=mentee, explanation={"why": [canary]})
    cohort.apply(
        AddRequest("r1", "k1", WHEN, mentee, match_id, "withdrawn", 0, canary, canary),
        AddCheckIn("k2", match_id, mentee, WHEN, "connected", 1, canary),
        PutEvaluation(match_id, mentee, "k3", WHEN, json.dumps({"comment": canary})),
        AddUnplacedResponse("k4", "request", 1, canary),
        DecideRequest("r1", "received", "confirmed", canary),
        EndMatch(match_id, "withdrawn"),
        SettleApplication(mentee, "accepted", "withdrawn", json.dumps([canary]), canary),
    )
    deliver_due_messages(cohort.run)
    rows = cohort.rows("audit_log")
    assert len(rows) > 15
    wrong = [row for row in rows if canary.casefold() in str(row).casefold()]
    assert wrong == []
    assert any(canary in str(row) for table in TABLES if table != "audit_log" for row in cohort.rows(table))


def test_the_programs_own_templates_are_used(cohort: SmallCohort) -> None:
    folder = cohort.run.settings.folder / "templates"
    folder.mkdir()
    (folder / "signature.md").write_text("Yours, the *special* committee\n", encoding="utf-8")
    assert read_overrides(cohort.run) == {"signature.md": "Yours, the *special* committee\n"}
    cohort.queue()
    [row] = cohort.rows("messages")
    assert "the special committee" in row["body_text"]


def test_a_moment_before_and_after_summer_time_is_the_same_moment_in_the_database(
    cohort: SmallCohort,
) -> None:
    zone = cohort.run.settings.program.zone
    for day in (13, 15):
        moment = datetime(2027, 3, day, 8, tzinfo=zone)
        [message_id] = cohort.queue(not_before=moment, expires_at=moment + timedelta(days=1))
        [row] = cohort.rows("messages", message_id=message_id)
        assert row["not_before"] == moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
