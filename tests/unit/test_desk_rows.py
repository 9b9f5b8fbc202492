"""The machine's cells of every tab, in the committee's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest
from cohorts import (
    at,
    decide,
    fault,
    load_program,
    make_cohort,
    mentee,
    mentor,
    pair,
    queue,
    topic_rows,
    with_messages,
)

from mentoring.cohort import Cohort, Match, Request, RequestKind
from mentoring.desk import TABS, SheetRow, SheetTab
from mentoring.desk_rows import (
    describe_desk,
    describe_match_status,
    list_application_rows,
    list_check_in_rows,
    list_match_rows,
    list_message_rows,
    list_request_rows,
)
from mentoring.messages import KINDS
from mentoring.outbox import DOUBTFUL
from mentoring.states import LIVES
from mentoring.steering import steer_cohort

NOW = at("2027-04-05")


def show(name: str, *rows: Mapping[str, str]) -> SheetTab:
    """A tab as read, with these cells."""
    headings = tuple(TABS[name].list_headings())
    cells = [tuple(row.get(heading, "") for heading in headings) for row in rows]
    return SheetTab(name, headings, tuple(SheetRow(number, row) for number, row in enumerate(cells, 2)))


def make_full() -> Cohort:
    """Something on every tab."""
    people = [
        mentor(1),
        mentor(2),
        mentee(1),
        mentee(2),
        mentee(3, "needs_attention", faults=[fault(4), fault(4, "Who?", "Say who.")]),
    ]
    cohort = make_cohort(
        people,
        [pair(1, 1), pair(2, 2, "proposed")],
        requests=[
            Request(
                "2027-request-001",
                "r1",
                at("2027-04-01"),
                "2027-mentor-001",
                "2027-match-001",
                "withdrawn",
                False,
                "Sorry.",
                "",
                None,
                "received",
            )
        ],
    )
    return with_messages(
        cohort,
        queue(cohort, "check_in", "2027-match-001", "1", "2027-mentor-001", "unknown", problem="Timed out."),
    )


def describe(cohort: Cohort, desk: dict[str, SheetTab]) -> dict[str, list[dict[str, Any]]]:
    steering = steer_cohort(load_program(), "2027", {}, [])
    updates = describe_desk(cohort, steering, desk, NOW)
    assert all(not update.remove_missing for update in updates)
    return {update.tab: [dict(row) for row in update.rows] for update in updates}


def test_every_tab_gets_only_columns_of_the_machine_and_its_key() -> None:
    desk = {name: show(name) for name in TABS}
    desk["Topics"] = show("Topics", *topic_rows("2027-04"))
    desk["Rules"] = show("Rules", {"Rule": "Must pair", "Mentor": "x", "Mentee": "y"})
    rows = describe(make_full(), desk)
    assert set(rows) == set(TABS) - {"Unmatched", "Evaluation"}
    for name, written in rows.items():
        assert written, name
        allowed = {*TABS[name].key, *TABS[name].list_headings("machine")}
        for row in written:
            assert set(row) <= allowed
            assert set(TABS[name].key) <= set(row)
            # The answers to what-if questions come with the proposals.
            forgotten = set(TABS[name].list_headings("machine")) - set(row) - {"Answer"}
            assert not forgotten, "no cell is forgotten"


def test_a_tab_that_is_missing_is_not_written() -> None:
    assert set(describe(make_full(), {"Matches": show("Matches")})) == {"Matches"}


def test_applications_say_what_to_fix_in_words() -> None:
    rows = {str(row["Reference"]): row for row in list_application_rows(make_full())}
    assert rows["2027-mentee-003"] == {
        "Reference": "2027-mentee-003",
        "Role": "mentee",
        "Name": "Dina Mentee3",
        "E-mail": "mentee3@example.org",
        "Institution": "Library of mentee 3",
        "Applied on": "2027-01-20",
        "Status": "Needs attention",
        "What to fix": "Row 4, “How many?”: Write a number. Row 4, “Who?”: Say who.",
    }
    assert rows["2027-mentor-001"]["Status"] == "Accepted"


def test_an_application_without_a_person_shows_what_was_written() -> None:
    lost = replace(
        mentee(1, "needs_attention", person_id=None),
        email="",
        name="",
        answers={"name": "Ada", "email": "a at b"},
    )
    [row] = list_application_rows(make_cohort([lost]))
    assert (row["Name"], row["E-mail"]) == ("Ada", "a at b")


def test_the_day_is_the_committees() -> None:
    [row] = list_application_rows(make_cohort([mentee(1, received_at=at("2027-01-20 23:30"))]))
    assert row["Applied on"] == "2027-01-20"


def test_every_state_has_words() -> None:
    for state in LIVES["application"]:
        if state != "start":
            assert list_application_rows(make_cohort([mentee(1, state)]))[0]["Status"]


def list_of(life: str) -> list[str]:
    return [state for state in LIVES[life] if state != "start"]


def test_no_cell_shows_a_code_whatever_has_happened() -> None:
    """Every state and reason that anything may have, on every tab: words that begin with a capital, and no code."""
    cohort = make_full()
    [message], request = cohort.messages, cohort.requests["2027-request-001"]
    applications = [mentee(number, state) for number, state in enumerate(list_of("application"), 1)]
    requests = [
        replace(request, request_id=f"{state}-{kind}", state=state, kind=kind, decided_by="NB")
        for state in list_of("request")
        for kind in get_args(RequestKind)
    ]
    messages = [
        replace(message, message_id=f"{state}-{kind}", state=state, kind=kind, problem="")
        for state in list_of("message")
        for kind in KINDS
    ]
    rows = [
        *list_application_rows(make_cohort(applications)),
        *list_request_rows(replace(cohort, requests={one.request_id: one for one in requests}), [], NOW),
        *list_message_rows(
            replace(cohort, messages=tuple(messages)), [decide(one.reference, "") for one in messages]
        ),
    ]
    assert len(rows) > len(messages) + len(requests)
    for row in rows:
        assert str(row["Status"])[:1].isupper()
        said = [str(cell) for heading, cell in row.items() if heading not in ("Reference", "E-mail")]
        assert [text for text in said if re.search(r"[a-z]_[a-z]|\b(None|True|False)\b", text)] == []


@pytest.mark.parametrize(
    ("match", "status"),
    [
        (pair(1, 1, "proposed"), "Proposed"),
        (pair(1, 1, "proposed", is_rematch=True), "Proposed (rematch)"),
        (pair(1, 1, "proposed", is_held=True), "On hold"),
        (pair(1, 1, "approved"), "Approved"),
        (pair(1, 1, "active", introduced_at=at("2027-03-01 23:30")), "Introduced on 2027-03-01"),
        (pair(1, 1, "ended", reason="completed"), "Completed"),
        (pair(1, 1, "ended", reason="withdrawn"), "Ended: withdrawal"),
        (pair(1, 1, "ended", reason="not_working_out"), "Ended: not working out"),
        (pair(1, 1, "rejected", reason="committee"), "Rejected"),
        (pair(1, 1, "rejected", reason="superseded"), "Replaced by a better proposal"),
        (pair(1, 1, "rejected", reason="applicant_withdrew"), "Withdrawn application"),
    ],
)
def test_a_match_has_its_status_in_words(match: Match, status: str) -> None:
    assert describe_match_status(make_cohort([mentor(1), mentee(1)], [match]), match) == status


def test_matches_that_wait_come_first_and_the_best_on_top() -> None:
    people = [*(mentor(number) for number in (1, 2, 3, 4)), *(mentee(number) for number in (1, 2, 3, 4))]
    matches = [
        pair(1, 1),
        pair(2, 2, "proposed", points=10),
        pair(3, 3, "proposed", points=90),
        pair(4, 4, "approved"),
    ]
    rows = list_match_rows(make_cohort(people, matches), [])
    assert [row["Reference"] for row in rows] == [
        "2027-match-003",
        "2027-match-002",
        "2027-match-004",
        "2027-match-001",
    ]
    assert [row["To do"] for row in rows] == ["Choose Approve, Reject or Hold."] * 2 + ["", ""]


def test_what_waits_for_a_person_is_on_top_and_what_is_on_hold_below_it() -> None:
    people = [*(mentor(number) for number in (1, 2, 3, 4)), *(mentee(number) for number in (1, 2, 3, 4))]
    matches = [
        pair(1, 1, "proposed", points=99, is_held=True),
        pair(2, 2, "proposed", points=10),
        pair(3, 3, "approved"),
        pair(4, 4),
    ]
    written = [decide("2027-match-001", "Hold"), decide("2027-match-004", "Hold")]
    rows = list_match_rows(make_cohort(people, matches), written)
    assert [(row["Reference"], bool(row["To do"])) for row in rows] == [
        ("2027-match-002", True),
        ("2027-match-004", True),
        ("2027-match-001", False),
        ("2027-match-003", False),
    ]


def test_a_match_is_explained_by_name() -> None:
    explanation = {
        "why": "{2027-mentor-001} knows it.",
        "watch_outs": "Far apart.",
        "runner_ups": ["{2027-mentor-002} (costs 5 points)", "{2027-mentor-009} (costs 7 points)"],
    }
    cohort = make_cohort([mentor(1), mentor(2), mentee(1)], [pair(1, 1, "proposed", explanation=explanation)])
    [row] = list_match_rows(cohort, [])
    assert (row["Mentor"], row["Mentee"], row["Points"]) == ("Ben Mentor1", "Ben Mentee1", 500)
    assert row["Why"] == "Ben Mentor1 knows it."
    assert row["Watch out"] == "Far apart."
    assert row["Runner-ups"] == "Cleo Mentor2 (costs 5 points); 2027-mentor-009 (costs 7 points)"


def test_a_decision_that_can_not_be_carried_out_says_why_in_its_row() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    [row] = list_match_rows(cohort, [decide("2027-match-001", "Reject")])
    assert (
        row["To do"]
        == "The two are already introduced. To end the match, put a request into the request form."
    )
    [row] = list_match_rows(
        make_cohort([mentor(1), mentee(1)], [pair(1, 1, "proposed")]), [decide("2027-match-001", "Ok")]
    )
    assert row["To do"] == "“Ok” is not a decision; choose Approve, Reject or Hold."


def test_an_erased_match_keeps_its_row() -> None:
    erased = replace(mentor(1), name="", email="", answers={})
    [row] = list_match_rows(make_cohort([erased, mentee(1)], [pair(1, 1, "ended", explanation={})]), [])
    assert (row["Mentor"], row["Why"], row["Runner-ups"]) == ("2027-mentor-001", "", "")


def test_a_request_says_who_wants_what_and_what_to_do() -> None:
    [row] = list_request_rows(make_full(), [], NOW)
    assert row == {
        "Reference": "2027-request-001",
        "Received": "2027-04-01",
        "From": "Ben Mentor1",
        "Role": "mentor",
        "Partner": "Ben Mentee1",
        "Request": "Can't go on",
        "In their words": "Sorry.",
        "Status": "Waits for you",
        "To do": "Choose Confirm or Decline.",
    }


def test_a_request_of_nobody_and_a_request_that_is_done() -> None:
    cohort = make_full()
    unknown = replace(
        cohort.requests["2027-request-001"], application_id=None, match_id=None, problem="Nobody."
    )
    [row] = list_request_rows(replace(cohort, requests={"2027-request-001": unknown}), [], NOW)
    assert (row["From"], row["Partner"], row["To do"]) == ("unknown", "", "Nobody.")
    done = replace(cohort.requests["2027-request-001"], state="done")
    [row] = list_request_rows(replace(cohort, requests={"2027-request-001": done}), [], NOW)
    assert (row["Status"], row["To do"]) == ("Done", "")
    [row] = list_request_rows(cohort, [decide("2027-request-001", "Yes")], NOW)
    assert row["To do"] == "“Yes” is not a decision; choose Confirm or Decline."


def test_check_ins_show_every_pair_that_was_introduced() -> None:
    cohort = make_cohort([mentor(1), mentor(2), mentee(1), mentee(2)], [pair(1, 1), pair(2, 2, "ended")])
    rows = list_check_in_rows(cohort, NOW)
    assert [(row["Reference"], row["Introduced"], row["Signal"], row["Next step"]) for row in rows] == [
        ("2027-match-001", "2027-03-01", "Not asked yet", ""),
        ("2027-match-002", "2027-03-01", "Ended: withdrawal", ""),
    ]
    assert list_check_in_rows(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")]), NOW) == []


def test_a_message_in_doubt_says_what_happened_and_what_to_do() -> None:
    [row] = list_message_rows(make_full(), [])
    assert row == {
        "Reference": f"2027-match-001-{make_full().messages[0].message_id[:8]}",
        "To": "Ben Mentor1",
        "Message": f"{KINDS['check_in'].label}, queued 1 March 2027",
        "Status": "Unclear",
        "What happened": "Timed out.",
        "To do": "Ask the recipient whether it came, then choose Resend or Leave.",
    }


def test_a_message_without_doubt_is_not_on_the_tab_unless_it_was() -> None:
    cohort = make_full()
    [message] = cohort.messages
    sent = replace(cohort, messages=(replace(message, state="sent", problem="", resolution=None),))
    assert list_message_rows(sent, []) == []
    [row] = list_message_rows(sent, [decide(message.reference, "")])
    assert (row["Status"], row["To do"]) == ("Sent", "")


@pytest.mark.parametrize(
    ("resolution", "words"), [("resent", "Sent once more, as a new message."), ("left", "Left as it is.")]
)
def test_a_message_that_was_settled_says_how(resolution: str, words: str) -> None:
    cohort = make_full()
    [message] = cohort.messages
    settled = replace(cohort, messages=(replace(message, resolution=resolution),))
    [row] = list_message_rows(settled, [decide(message.reference, "Resend")])
    assert row["To do"] == words


@pytest.mark.parametrize("state", DOUBTFUL)
def test_every_doubt_has_a_next_step(state: str) -> None:
    cohort = make_full()
    doubtful = replace(cohort, messages=(replace(cohort.messages[0], state=state),))
    assert "choose" in str(list_message_rows(doubtful, [])[0]["To do"]).casefold()


@pytest.mark.parametrize(("subject", "tells"), [("2027-match-001", True), ("2027-mentor-001", False)])
def test_the_partner_of_whoever_gets_no_mail_hears_it_from_the_committee(subject: str, tells: bool) -> None:
    cohort = make_full()
    held = replace(cohort.messages[0], state="suppressed", subject_id=subject)
    [row] = list_message_rows(replace(cohort, messages=(held,)), [])
    assert row["Status"] == "Held back"
    assert ("tell the other side of the match" in str(row["To do"])) == tells


def test_a_message_to_somebody_erased_says_so() -> None:
    cohort = make_full()
    erased = replace(cohort.applications["2027-mentor-001"], name="", email="", answers={})
    nobody = replace(cohort.people["person-mentor-1"], name="", email="", email_key="")
    cohort = replace(
        cohort,
        applications={**cohort.applications, "2027-mentor-001": erased},
        people={**cohort.people, "person-mentor-1": nobody},
    )
    [row] = list_message_rows(cohort, [])
    assert (row["To"], row["To do"]) == ("erased", "Its text was removed with somebody's data; choose Leave.")


def test_problems_of_rules_and_topics_stand_in_their_rows() -> None:
    rules = show(
        "Rules",
        {"Rule": "Must pair", "Mentor": "mentor1@example.org", "Mentee": "mentee1@example.org"},
        {"Rule": "Hm"},
    )
    topics = show("Topics", {"Month": "2027-04", "Topic": "Reading"}, {"Month": "Spring", "Topic": "Writing"})
    rows = describe(make_full(), {"Rules": rules, "Topics": topics})
    assert [row["Problem"] for row in rows["Rules"]] == [
        "",
        "Choose Must pair, Never pair or What if as the rule.",
    ]
    assert rows["Topics"] == [
        {"Month": "2027-04", "Problem": ""},
        {"Month": "Spring", "Problem": "Write the month as year and month, like 2027-03."},
    ]


def test_the_desk_described_twice_is_the_same() -> None:
    desk = {name: show(name) for name in TABS}
    assert describe(make_full(), desk) == describe(make_full(), desk)
