"""States that the program does not allow, refused by both databases whatever the code above them does."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from small_cohort import SmallCohort

from mentoring.states import LIVES, START, list_transitions
from tasks.database import RefusedChangeError
from tasks.runs import Run


@pytest.fixture(scope="module")
def cohort(shared_run: Run) -> SmallCohort:
    """Mentors of two seats, mentees, a match that is proposed, approved, active and paused each, and a message."""
    cohort = SmallCohort(shared_run)
    for _ in range(2):
        cohort.add_application("mentor", seats=2)
    for _ in range(5):
        cohort.add_application("mentee")
    cohort.propose("mentor-1", "mentee-1")
    cohort.approve(mentor="mentor-1", mentee="mentee-2", seat=2)
    cohort.introduce(mentor="mentor-2", mentee="mentee-3")
    cohort.apply(messages=(cohort.thank("mentee-4"),))
    cohort.execute(_request(request_id="'request-1'", response_key="'request-1'"))
    cohort.introduce()
    cohort.execute(_pause(pause_id="'pause-1'", match_id="'match-4'"))
    return cohort


class _EnoughError(Exception):
    """Rolls a change back that was taken."""


ONE_ROW = {
    "application": ("applications", "application_id = 'mentee-4'"),
    "match": ("matches", "match_id = 'match-1'"),
    "message": ("messages", "kind = 'thanks'"),
    "request": ("requests", "request_id = 'request-1'"),
    "pause": ("pauses", "pause_id = 'pause-1'"),
}


def list_forbidden_moves(life: str) -> list[tuple[str, str]]:
    moves = LIVES[life]
    return [(before, after) for before in moves for after in moves if after not in {*moves[before], START}]


def satisfy_other_rules(life: str, after: str) -> str:
    """Columns with which nothing but the move itself is wrong."""
    match after:
        case "ended":
            match = "introduced_at = 'x', ended_at = 'x', reason = 'completed'"
        case "active":
            match = "introduced_at = 'x', ended_at = NULL, reason = NULL"
        case _:
            reason = "'committee'" if after == "rejected" else "NULL"
            match = f"introduced_at = NULL, ended_at = NULL, reason = {reason}"
    return {
        "application": "faults = '[]'",
        "match": f"approved_at = 'x', decided_by = 'x', is_held = 0, {match}",
        "message": "attempts = 1, claimed_at = 'x', settled_at = 'x', provider_id = 'x'",
        "request": "decided_by = 'x', application_id = 'mentee-1'",
        "pause": (
            "match_state = 'active', ended_at = NULL"
            if after == "running"
            else "match_state = NULL, ended_at = '2027-03-02T00:00:00Z'"
        ),
    }[life]


def test_the_tables_of_moves_are_those_of_the_rules(cohort: SmallCohort) -> None:
    found = [
        (life, row["previous_state"], row["state"])
        for life in LIVES
        for row in cohort.rows(f"{life}_transitions")
    ]
    assert sorted(found) == list_transitions()


@pytest.mark.parametrize("life", list(LIVES))
def test_every_move_that_is_not_allowed_is_refused(cohort: SmallCohort, life: str) -> None:
    table, row = ONE_ROW[life]
    forbidden = list_forbidden_moves(life)
    assert len(forbidden) >= 15
    for before, after in forbidden:
        columns = satisfy_other_rules(life, after)
        with pytest.raises(RefusedChangeError) as refusal:
            cohort.execute(
                f"UPDATE {table} SET {columns}, previous_state = '{before}', state = '{after}' WHERE {row}"
            )
        assert refusal.value.rule in ("FOREIGN KEY", f"{table}_move_as_allowed"), (before, after)


@pytest.mark.parametrize("life", list(LIVES))
def test_every_move_that_is_allowed_is_taken(cohort: SmallCohort, life: str) -> None:
    """The counterpart: what refuses above is the move, not something else in the statement."""
    table, row = ONE_ROW[life]
    for before, moves in LIVES[life].items():
        for after in moves:
            columns = satisfy_other_rules(life, after)
            with cohort.run.database.open_session() as session, pytest.raises(_EnoughError), session.write():
                session.connection.execute(
                    f"UPDATE {table} SET {columns}, previous_state = '{before}', state = '{after}' WHERE {row}"
                )
                raise _EnoughError


@dataclass(frozen=True)
class Forbidden:
    """One forbidden state: what would make it, and the constraint that refuses it by PostgreSQL's name."""

    name: str
    statement: str
    rule: str


def _insert(table: str, **values: str) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def _match(mentor: str, seat: int, mentee: str, **values: str) -> str:
    texts = {
        "match_id": "'new'",
        "cohort_id": "'2027'",
        "mentor_application_id": f"'{mentor}'",
        "seat": str(seat),
        "mentee_application_id": f"'{mentee}'",
        "points": "1",
        "state": "'proposed'",
        "previous_state": "'start'",
        "proposed_at": "'2027-03-01T00:00:00Z'",
    }
    return _insert("matches", **(texts | values))


def _application(**values: str) -> str:
    texts = {
        "application_id": "'new'",
        "cohort_id": "'2027'",
        "applicant_role": "'mentee'",
        "person_id": "'person-1'",
        "response_key": "'new'",
        "sheet_row": "9",
        "received_at": "'2027-03-01T00:00:00Z'",
        "answers": "'{}'",
        "state": "'received'",
        "previous_state": "'start'",
        "changed_at": "'2027-03-01T00:00:00Z'",
    }
    return _insert("applications", **(texts | values))


def _message(**values: str) -> str:
    texts = {
        "message_id": "'new'",
        "cohort_id": "'2027'",
        "subject_id": "'mentee-1'",
        "kind": "'thanks'",
        "period": "'end'",
        "recipient_id": "'person-3'",
        "subject_line": "''",
        "body_text": "''",
        "body_html": "''",
        "body_hash": "''",
        "queued_at": "'2027-03-01T00:00:00Z'",
        "not_before": "'2027-03-01T00:00:00Z'",
        "expires_at": "'2027-03-09T00:00:00Z'",
        "state": "'pending'",
        "previous_state": "'start'",
    }
    return _insert("messages", **(texts | values))


def _check_in(**values: str) -> str:
    texts = {
        "response_key": "'new'",
        "cohort_id": "'2027'",
        "match_id": "'match-3'",
        "application_id": "'mentee-3'",
        "answered_at": "'2027-03-01T00:00:00Z'",
        "signal": "'connected'",
    }
    return _insert("check_ins", **(texts | values))


def _request(**values: str) -> str:
    texts = {
        "request_id": "'new'",
        "cohort_id": "'2027'",
        "response_key": "'new'",
        "received_at": "'2027-03-01T00:00:00Z'",
        "kind": "'withdrawn'",
        "wants_rematch": "0",
        "state": "'received'",
        "previous_state": "'start'",
    }
    return _insert("requests", **(texts | values))


def _pause(**values: str) -> str:
    texts = {
        "pause_id": "'new'",
        "cohort_id": "'2027'",
        "match_id": "'match-3'",
        "request_id": "'request-1'",
        "began_at": "'2027-03-01T00:00:00Z'",
        "paused_until": "'2027-03-14'",
        "match_state": "'active'",
        "state": "'running'",
        "previous_state": "'start'",
    }
    return _insert("pauses", **(texts | values))


def _confirmation(**values: str) -> str:
    texts = {
        "response_key": "'new'",
        "cohort_id": "'2027'",
        "application_id": "'mentee-1'",
        "person_id": "'person-1'",
        "means": "'verified_address'",
        "confirmed_at": "'2027-03-01T00:00:00Z'",
    }
    return _insert("confirmations", **(texts | values))


def _twice(statement: str, **changed: str) -> str:
    """The same row once more, as another response of which these values differ."""
    head, values = statement.split(" VALUES ")
    columns = head[head.index("(") + 1 : -1].split(", ")
    # The values of these rows hold no comma.
    row = dict(zip(columns, values[1:-1].split(", "), strict=True))
    again = row | {"response_key": "'again'"} | changed
    return f"{statement}, ({', '.join(again.values())})"


def _attachment(**values: str) -> str:
    texts = {"message_id": _A_MESSAGE, "place": "0", "file_name": "'a.ics'"}
    texts |= {"media_type": "'text/calendar'", "content": "'QQ=='"}
    return _insert("message_attachments", **(texts | values))


def _event(**values: str) -> str:
    texts = {
        "event_id": "'e'",
        "message_id": "'m'",
        "event": "'open'",
        "happened_at": "'x'",
        "noted_at": "'x'",
    }
    return _insert("provider_events", **(texts | values))


def _witness(**values: str) -> str:
    return _insert(
        "witnessed_messages", **({"message_id": "'m'", "outcome": "'accepted'", "noted_at": "'x'"} | values)
    )


def _opened(**values: str) -> str:
    texts = {"cohort_id": "'2028'", "follows": "'2027'", "cohort_settings": "'{}'", "decided_at": "'x'"}
    return _insert("opened_cohorts", **(texts | values))


_A_MESSAGE = "(SELECT MIN(message_id) FROM messages)"
_ONLY_LINKS = "links_and_only_links_have_a_code"
_SENDING = "previous_state = 'pending', state = 'sending'"
_SENT = "UPDATE messages SET previous_state = 'sending', state = 'sent', settled_at = '2027-03-01T00:00:00Z'"

FORBIDDEN = [
    # Cohorts
    Forbidden("cohort that follows itself", _opened(follows="'2028'"), "no_cohort_follows_itself"),
    Forbidden("cohort that follows none", _opened(follows="'2026'"), "opened_cohorts_follows_fkey"),
    # Matches
    Forbidden(
        "second live match of a mentee", _match("mentor-2", 2, "mentee-1"), "one_live_match_per_mentee"
    ),
    Forbidden("second live match on a seat", _match("mentor-2", 1, "mentee-5"), "one_live_match_per_seat"),
    Forbidden(
        "match on a seat that is not offered", _match("mentor-2", 3, "mentee-5"), "matches_take_a_seat"
    ),
    Forbidden("match with nobody", _match("mentor-2", 2, "nobody"), "matches_mentee_application_id_fkey"),
    Forbidden("mentor of nobody", _match("nobody", 1, "mentee-5"), "matches_take_a_seat"),
    Forbidden("match with oneself", _match("mentor-2", 2, "mentor-2"), "nobody_mentors_himself"),
    Forbidden(
        "match in no cohort", _match("mentor-2", 2, "mentee-5", cohort_id="'2099'"), "matches_cohort_id_fkey"
    ),
    Forbidden(
        "match that begins approved",
        _match("mentor-2", 2, "mentee-5", state="'approved'", approved_at="'x'", decided_by="'x'"),
        "matches_move_as_allowed",
    ),
    Forbidden(
        "match that begins active",
        _match(
            "mentor-2",
            2,
            "mentee-5",
            state="'active'",
            introduced_at="'x'",
            approved_at="'x'",
            decided_by="'x'",
        ),
        "matches_move_as_allowed",
    ),
    Forbidden(
        "match in an unknown state",
        _match("mentor-2", 2, "mentee-5", state="'maybe'"),
        "matches_end_for_a_known_reason",
    ),
    Forbidden(
        "proposal with a reason",
        _match("mentor-2", 2, "mentee-5", reason="'committee'"),
        "matches_end_for_a_known_reason",
    ),
    Forbidden(
        "approval by nobody",
        "UPDATE matches SET previous_state = 'proposed', state = 'approved' WHERE match_id = 'match-1'",
        "introductions_need_an_approval",
    ),
    Forbidden(
        "active without approval",
        "UPDATE matches SET approved_at = NULL WHERE match_id = 'match-3'",
        "introductions_need_an_approval",
    ),
    Forbidden(
        "active without anybody who approved",
        "UPDATE matches SET decided_by = NULL WHERE match_id = 'match-3'",
        "introductions_need_an_approval",
    ),
    Forbidden(
        "active without introduction",
        "UPDATE matches SET previous_state = 'approved', state = 'active' WHERE match_id = 'match-2'",
        "active_matches_were_introduced",
    ),
    Forbidden(
        "introduced while only approved",
        "UPDATE matches SET introduced_at = '2027-03-01T00:00:00Z' WHERE match_id = 'match-2'",
        "active_matches_were_introduced",
    ),
    Forbidden(
        "ended without an end",
        "UPDATE matches SET previous_state = 'active', state = 'ended', reason = 'completed' WHERE match_id = 'match-3'",
        "ended_matches_have_an_end",
    ),
    Forbidden(
        "an end while active",
        "UPDATE matches SET ended_at = '2027-03-01T00:00:00Z' WHERE match_id = 'match-3'",
        "ended_matches_have_an_end",
    ),
    Forbidden(
        "ended for an unknown reason",
        "UPDATE matches SET previous_state = 'active', state = 'ended', ended_at = 'x', reason = 'bored' "
        "WHERE match_id = 'match-3'",
        "matches_end_for_a_known_reason",
    ),
    Forbidden(
        "rejected without a reason",
        "UPDATE matches SET previous_state = 'proposed', state = 'rejected' WHERE match_id = 'match-1'",
        "matches_end_for_a_known_reason",
    ),
    Forbidden(
        "active and on hold",
        "UPDATE matches SET is_held = 1 WHERE match_id = 'match-3'",
        "only_proposals_are_held",
    ),
    Forbidden(
        "held by half", "UPDATE matches SET is_held = 2 WHERE match_id = 'match-1'", "only_proposals_are_held"
    ),
    # Seats
    Forbidden(
        "sixth seat",
        _insert("mentor_seats", application_id="'mentor-1'", seat="6"),
        "mentors_have_at_most_five_seats",
    ),
    Forbidden(
        "seat 0",
        _insert("mentor_seats", application_id="'mentor-1'", seat="0"),
        "mentors_have_at_most_five_seats",
    ),
    Forbidden(
        "seat of nobody",
        _insert("mentor_seats", application_id="'nobody'", seat="1"),
        "mentor_seats_application_id_fkey",
    ),
    Forbidden(
        "the same seat twice",
        _insert("mentor_seats", application_id="'mentor-1'", seat="1"),
        "mentor_seats_pkey",
    ),
    Forbidden(
        "seat taken away from a match",
        "DELETE FROM mentor_seats WHERE application_id = 'mentor-2'",
        "matches_take_a_seat",
    ),
    # Applications and people
    Forbidden(
        "accepted application of nobody",
        "UPDATE applications SET person_id = NULL",
        "accepted_applications_have_a_person",
    ),
    Forbidden(
        "application of an unknown person", _application(person_id="'nobody'"), "applications_person_id_fkey"
    ),
    Forbidden(
        "application in an unknown role",
        _application(applicant_role="'patron'"),
        "applicants_are_mentor_or_mentee",
    ),
    Forbidden(
        "application that begins accepted", _application(state="'accepted'"), "applications_move_as_allowed"
    ),
    Forbidden(
        "application in an unknown state", _application(state="'maybe'"), "applications_move_as_allowed"
    ),
    Forbidden(
        "response taken in twice",
        _application(response_key="'response-mentee-1'"),
        "one_application_per_response",
    ),
    Forbidden(
        "second application in force",
        _application(person_id="'person-3'", state="'accepted'", previous_state="'received'"),
        "one_application_in_force",
    ),
    Forbidden("late by half", _application(is_late="2"), "late_is_yes_or_no"),
    Forbidden("revision 0", _application(revision="0"), "revisions_count_from_one"),
    Forbidden("application without answers", _application(answers="NULL"), "answers"),
    Forbidden(
        "erased person with an address",
        "UPDATE people SET erased_at = '2027-03-01T00:00:00Z' WHERE person_id = 'person-1'",
        "erased_people_have_no_name_or_address",
    ),
    Forbidden(
        "erased person with a name",
        "UPDATE people SET erased_at = 'x', email = NULL, email_key = NULL WHERE person_id = 'person-1'",
        "erased_people_have_no_name_or_address",
    ),
    Forbidden(
        "person without an address who is not erased",
        "UPDATE people SET email = NULL WHERE person_id = 'person-1'",
        "erased_people_have_no_name_or_address",
    ),
    Forbidden(
        "two people of one address",
        "UPDATE people SET email_key = 'person2@example.org' WHERE person_id = 'person-1'",
        "people_email_key_key",
    ),
    # Messages
    Forbidden("sent without a provider's id", f"{_SENT}, attempts = 1", "sent_messages_have_a_provider_id"),
    Forbidden(
        "sent with an empty provider's id", f"{_SENT}, provider_id = ''", "sent_messages_have_a_provider_id"
    ),
    Forbidden(
        "sent at no time",
        "UPDATE messages SET previous_state = 'sending', state = 'sent', provider_id = 'p'",
        "settled_messages_have_a_time",
    ),
    Forbidden(
        "failed at no time",
        "UPDATE messages SET previous_state = 'pending', state = 'failed'",
        "settled_messages_have_a_time",
    ),
    Forbidden(
        "sending without a claim", f"UPDATE messages SET {_SENDING}, attempts = 1", "sending_needs_a_claim"
    ),
    Forbidden(
        "sending without an attempt",
        f"UPDATE messages SET {_SENDING}, claimed_at = 'x'",
        "sending_needs_a_claim",
    ),
    Forbidden(
        "message that begins sent",
        _message(state="'sent'", provider_id="'p'", settled_at="'x'"),
        "messages_move_as_allowed",
    ),
    Forbidden(
        "message in an unknown state", _message(state="'lost'", settled_at="'x'"), "messages_move_as_allowed"
    ),
    Forbidden(
        "two messages of one key",
        "INSERT INTO messages SELECT 'new', cohort_id, subject_id, kind, period, recipient_id, reissue, subject_line, "
        "body_text, body_html, body_hash, queued_at, not_before, expires_at, attempts, claimed_at, settled_at, "
        "provider_id, problem, resolution, state, previous_state, looked_up_at FROM messages LIMIT 1",
        "one_message_per_key",
    ),
    Forbidden(
        "expires before it may go out",
        _message(expires_at="'2027-02-01T00:00:00Z'"),
        "messages_begin_before_they_expire",
    ),
    Forbidden(
        "expires when it may go out",
        _message(expires_at="'2027-03-01T00:00:00Z'"),
        "messages_begin_before_they_expire",
    ),
    Forbidden(
        "a time that does not sort", _message(expires_at="'2027-3-9 00:00:00'"), "message_times_sort_as_text"
    ),
    Forbidden("message to nobody", _message(recipient_id="'nobody'"), "messages_recipient_id_fkey"),
    Forbidden("key with a hole", _message(period="NULL"), "period"),
    Forbidden("fewer than no attempts", "UPDATE messages SET attempts = -1", "messages_count_from_zero"),
    Forbidden("reissued -1 times", _message(reissue="-1"), "messages_count_from_zero"),
    Forbidden("resolved by magic", "UPDATE messages SET resolution = 'magic'", "messages_resolve_as_known"),
    # Answers
    # Delivery
    Forbidden(
        "attachment of no message", _attachment(message_id="'none'"), "message_attachments_message_id_fkey"
    ),
    Forbidden("attachment before the first", _attachment(place="-1"), "attachments_count_from_zero"),
    Forbidden("attachment without a name", _attachment(file_name="''"), "attachments_have_a_name"),
    Forbidden("attachment without content", _attachment(content="NULL"), "content"),
    Forbidden("report without an id", _event(event_id="''"), "events_have_an_id"),
    Forbidden(
        "report taken in twice",
        "INSERT INTO provider_events VALUES ('e', 'm', 'open', '', 'x', 'x'), ('e', 'm', 'open', '', 'x', 'x')",
        "provider_events_pkey",
    ),
    Forbidden("witness of a return", _witness(outcome="'returned'"), "witnesses_tell_what_is_known"),
    Forbidden("witness of an acceptance without an id", _witness(), "witnessed_acceptance_has_a_provider_id"),
    Forbidden("negative contacts", _check_in(contacts="-1"), "contacts_count_from_zero"),
    Forbidden("unknown signal", _check_in(signal="'bored'"), "signals_are_known"),
    Forbidden("unknown rhythm", _check_in(rhythm="'now and then'"), "rhythms_are_known"),
    Forbidden("check-in of no match", _check_in(match_id="'none'"), "check_ins_match_id_fkey"),
    Forbidden("unknown kind of request", _request(kind="'holiday'"), "requests_are_of_a_known_kind"),
    Forbidden(
        "request that begins done",
        _request(state="'done'", decided_by="'x'", application_id="'mentee-1'"),
        "requests_move_as_allowed",
    ),
    Forbidden(
        "request confirmed by nobody",
        _request(state="'confirmed'", previous_state="'received'", application_id="'mentee-1'"),
        "decided_requests_name_who_decided",
    ),
    Forbidden(
        "confirmed request of nobody",
        _request(state="'confirmed'", previous_state="'received'", decided_by="'x'"),
        "confirmed_requests_have_an_applicant",
    ),
    Forbidden("rematch wanted by half", _request(wants_rematch="2"), "wants_rematch_is_yes_or_no"),
    Forbidden(
        "day of a request that is no pause", _request(paused_until="'2027-03-14'"), "only_pauses_have_a_day"
    ),
    Forbidden(
        "day that does not sort",
        _request(kind="'paused'", paused_until="'14 March 2027'"),
        "only_pauses_have_a_day",
    ),
    # Pauses
    Forbidden("second pause of a match", _pause(match_id="'match-4'"), "one_running_pause_per_match"),
    Forbidden("pause of a proposal", _pause(match_id="'match-1'"), "pauses_are_of_active_matches"),
    Forbidden("pause of an approved match", _pause(match_id="'match-2'"), "pauses_are_of_active_matches"),
    Forbidden(
        "pause of nothing", _pause(match_id="'none'", match_state="NULL"), "running_pauses_hold_their_match"
    ),
    Forbidden(
        "match that ends while it rests",
        "UPDATE matches SET previous_state = 'active', state = 'ended', ended_at = 'x', reason = 'withdrawn' "
        "WHERE match_id = 'match-4'",
        "pauses_are_of_active_matches",
    ),
    Forbidden(
        "pause that does not hold its match", _pause(match_state="NULL"), "running_pauses_hold_their_match"
    ),
    Forbidden(
        "pause of a proposal, honestly", _pause(match_state="'proposed'"), "running_pauses_hold_their_match"
    ),
    Forbidden("pause for no request", _pause(request_id="'none'"), "pauses_request_id_fkey"),
    Forbidden(
        "pause that begins over",
        _pause(state="'elapsed'", match_state="NULL", ended_at="'2027-03-02T00:00:00Z'"),
        "pauses_move_as_allowed",
    ),
    Forbidden(
        "pause that runs and is over",
        _pause(ended_at="'2027-03-02T00:00:00Z'"),
        "pauses_that_are_over_have_an_end",
    ),
    Forbidden(
        "pause that is over at no time",
        "UPDATE pauses SET previous_state = 'running', state = 'elapsed', match_state = NULL",
        "pauses_that_are_over_have_an_end",
    ),
    Forbidden(
        "pause that is over before it began",
        "UPDATE pauses SET previous_state = 'running', state = 'elapsed', match_state = NULL, "
        "ended_at = '2027-02-02T00:00:00Z'",
        "pauses_end_after_they_began",
    ),
    Forbidden(
        "pause until a day that does not sort",
        _pause(paused_until="'14 March'"),
        "days_of_pauses_sort_as_text",
    ),
    # Confirmations
    Forbidden("confirmation by word", _confirmation(means="'word'"), "confirmations_are_of_a_known_kind"),
    Forbidden("confirmation by a link without a code", _confirmation(means="'link'"), _ONLY_LINKS),
    Forbidden("sign-in with a code", _confirmation(code=_A_MESSAGE), _ONLY_LINKS),
    Forbidden(
        "code that no mail carries",
        _confirmation(means="'link'", code="'guessed'"),
        "confirmations_code_fkey",
    ),
    Forbidden(
        "confirmation of no application",
        _confirmation(application_id="'nobody'"),
        "confirmations_application_id_fkey",
    ),
    Forbidden("confirmation by nobody", _confirmation(person_id="'nobody'"), "confirmations_person_id_fkey"),
    Forbidden(
        "confirmation revoked before it was made",
        _confirmation(revoked_at="'2027-02-28T00:00:00Z'"),
        "confirmations_end_after_they_began",
    ),
    Forbidden(
        "code that confirms twice",
        _twice(_confirmation(means="'link'", code=_A_MESSAGE), application_id="'mentee-2'"),
        "codes_confirm_once",
    ),
    Forbidden(
        "second confirmation in force",
        _twice(_confirmation(), person_id="'person-2'"),
        "one_confirmation_in_force",
    ),
    Forbidden(
        "response that confirms twice",
        _twice(_confirmation(), response_key="'new'", application_id="'mentee-2'"),
        "confirmations_pkey",
    ),
]
#: What SQLite calls those that it does not call by their names.
_SQLITE_NAMES = {
    "one_live_match_per_mentee": "matches.mentee_application_id",
    "one_live_match_per_seat": "matches.seat",
    "mentor_seats_pkey": "mentor_seats.seat",
    "one_application_per_response": "applications.response_key",
    "one_application_in_force": "applications.person_id",
    "people_email_key_key": "people.email_key",
    "one_message_per_key": "messages.reissue",
    "answers": "applications.answers",
    "period": "messages.period",
    "content": "message_attachments.content",
    "provider_events_pkey": "provider_events.event_id",
    "codes_confirm_once": "confirmations.code",
    "one_confirmation_in_force": "confirmations.application_id",
    "confirmations_pkey": "confirmations.response_key",
    "one_running_pause_per_match": "pauses.match_id",
}


@pytest.mark.threat("forbidden states refused", 1)
@pytest.mark.parametrize("case", FORBIDDEN, ids=lambda case: case.name)
def test_a_forbidden_state_is_refused(cohort: SmallCohort, case: Forbidden) -> None:
    tables = (
        *("people", "applications", "mentor_seats", "matches", "messages", "requests", "check_ins"),
        *("message_attachments", "provider_events", "witnessed_messages", "confirmations", "pauses"),
    )
    before = {table: cohort.rows(table) for table in tables}
    with pytest.raises(RefusedChangeError) as refusal:
        cohort.execute(case.statement)
    rule = refusal.value.rule
    if cohort.run.database.is_sqlite:
        foreign = case.rule.endswith(("_fkey", "_as_allowed", "_take_a_seat", "_of_active_matches"))
        expected = "FOREIGN KEY" if foreign else _SQLITE_NAMES.get(case.rule, case.rule)
        assert rule.split(", ")[-1] == expected
    else:
        assert rule == case.rule
    assert "@" not in str(refusal.value)
    assert {table: cohort.rows(table) for table in tables} == before


def test_there_are_enough_cases() -> None:
    assert len({case.name for case in FORBIDDEN}) == len(FORBIDDEN) >= 60


def test_every_named_rule_of_the_schema_has_a_case() -> None:
    import re

    from tasks.database import SQL

    schema = "\n".join(path.read_text("utf-8") for path in (SQL / "schema").glob("*.sql"))
    named = set(re.findall(r"(?:CONSTRAINT|UNIQUE INDEX) (\w+)", schema))
    # Of the second, no row can be a double while the match's id is none.
    unbreakable = {"rematch_is_yes_or_no", "matches_with_their_state"}
    assert named - {case.rule for case in FORBIDDEN} <= unbreakable
