"""What the guidelines of the program ask of the committee, one sentence after the other, on real values.

Each test is named after its sentence, which is the first line of its docstring; the second says what the software does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from cohorts import (
    YEAR,
    World,
    application,
    at,
    decide,
    fault,
    form,
    load_program,
    make_cohort,
    mentee,
    mentor,
    only,
    pair,
    read_letter,
    respond,
    token_for,
    topic_rows,
)

from mentoring.answers import FormAnswers
from mentoring.changes import ActivateMatch, EndMatch, Plan, ProposeMatch
from mentoring.check_ins import describe_standing, plan_check_ins
from mentoring.cohort import Draft
from mentoring.completion import plan_completion, summarise_year
from mentoring.desk import SheetRow, SheetTab
from mentoring.desk_rows import list_application_rows, list_check_in_rows
from mentoring.form_fields import NEEDED_FIELDS
from mentoring.intake import plan_intake
from mentoring.introductions import plan_introductions
from mentoring.message_kinds import KINDS
from mentoring.monthly_topics import plan_monthly_topics
from mentoring.proposals import plan_proposals
from mentoring.requests import plan_requests
from mentoring.responses import read_responses

CLOSED, STARTED = at("2027-02-20"), at("2027-03-01")
MENTOR, MENTEE = "2027-mentor-001", "2027-mentee-001"


def introduce(world: World, now: datetime = STARTED) -> dict[str, Draft]:
    """Approve every proposal and introduce; the letters by kind."""
    rows = [decide(match.match_id, "Approve") for match in world.cohort.list_matches("proposed")]
    plan = world.apply(plan_introductions(world.cohort, rows, topic_rows(*YEAR), now), now)
    return {draft.kind: draft for draft in plan.messages}


def make_pair(**changes: str) -> World:
    """One proposal, with these answers of the mentee."""
    world = World(make_cohort([mentor(1), mentee(1, **changes)]))
    world.apply(plan_proposals(world.cohort, [], [], CLOSED), CLOSED)
    return world


def send(world: World, plan: Plan, now: datetime) -> list[Draft]:
    """Apply a plan and deliver; what went out."""
    world.apply(plan, now)
    return world.deliver(now)


def test_people_apply_as_mentor_or_mentee_on_the_homepage() -> None:
    """People apply as mentor or mentee on the homepage.

    The form's sheet becomes applications, each with its status in words and a letter.
    """
    program, world = load_program(), World(make_cohort())
    forms = []
    for role in ("mentor", "mentee"):
        source = application(role, 2, "2027-01-20", f"{role}@example.org", name="Ada Example").answers
        fields = program.forms[role].fields
        cells: dict[str, str] = {}
        for name, asked in fields.items():
            questions = [asked] if isinstance(asked, str) else asked
            answers = source[name].split("; ") if len(questions) > 1 else [source[name]]
            cells |= dict(zip(questions, [*answers, "", ""], strict=False))
        cells[str(fields["submitted_at"])] = "1/20/2027 9:00:00"
        tab = SheetTab(program.forms[role].tab, tuple(cells), (SheetRow(2, tuple(cells.values())),))
        forms.append(FormAnswers(role, read_responses(program, role, tab)))
    plan = world.apply(plan_intake(world.cohort, forms, at("2027-01-21")), at("2027-01-21"))
    rows = [(row["Role"], row["E-mail"], row["Status"]) for row in list_application_rows(world.cohort)]
    assert rows == [
        ("mentee", "mentee@example.org", "Accepted"),
        ("mentor", "mentor@example.org", "Accepted"),
    ]
    subjects = {read_letter(world.cohort, draft).subject for draft in plan.messages}
    assert subjects == {"We have your application to the Serials & Metadata Mentoring Program"}


def test_everyone_complies_with_the_code_of_conduct() -> None:
    """Everyone complies with the Code of Conduct.

    The acknowledgement is required: without it no match, whatever the committee writes; every letter links to it.
    """
    assert "code_of_conduct" in NEEDED_FIELDS["mentor"]
    assert "code_of_conduct" in NEEDED_FIELDS["mentee"]
    world = World(make_cohort([mentor(1)]))
    missing = fault(2, "Do you agree to comply with our Code of Conduct?", "Tick that you agree.")
    refused = application("mentee", 2, "2027-01-20", "ada@example.org", code_of_conduct="")
    mentors = FormAnswers("mentor", problems=("not read today",))
    plan = plan_intake(
        world.cohort, [mentors, form("mentee", refused, faults={2: [missing]})], at("2027-01-21")
    )
    world.apply(plan, at("2027-01-21"))
    assert world.cohort.applications[MENTEE].state == "needs_attention"
    [letter] = [read_letter(world.cohort, draft) for draft in plan.messages]
    assert "Do you agree to comply with our Code of Conduct?" in letter.text
    assert "Tick that you agree." in letter.text
    must = [{"Rule": "Must pair", "Mentor": MENTOR, "Mentee": MENTEE}]
    assert plan_proposals(world.cohort, [], must, CLOSED).changes == ()
    approved = replace(world.cohort, matches={"2027-match-001": pair(1, 1, "proposed")})
    rows = [decide("2027-match-001", "Approve")]
    assert only(plan_introductions(approved, rows, [], STARTED).changes, ActivateMatch) == []
    assert "https://www.example.org/code-of-conduct" in letter.text


def test_the_committee_matches_and_introduces() -> None:
    """The committee matches and introduces.

    An optimal proposal with reasons; the committee decides in its sheet; nothing is sent unapproved.
    """
    well = {"topics_offered": "Finding a first job", "experience_text": "I teach cataloging."}
    badly = {"topics_offered": "Linked data and BIBFRAME", "focus_areas": "Serials"}
    world = World(make_cohort([mentor(1, **badly), mentor(2, **well), mentee(1)]))
    plan = world.apply(plan_proposals(world.cohort, [], [], CLOSED), CLOSED)
    [proposal] = only(plan.changes, ProposeMatch)
    assert (proposal.mentor_application_id, proposal.mentee_application_id) == ("2027-mentor-002", MENTEE)
    assert "first topic, Finding a first job" in world.cohort.matches[proposal.match_id].explanation["why"]
    assert plan.messages == ()
    undecided = plan_introductions(world.cohort, [], [], STARTED)
    assert (undecided.changes, undecided.messages) == ((), ())
    assert set(introduce(world)) == {"introduction_mentor", "introduction_mentee"}
    assert world.cohort.matches[proposal.match_id].decided_by == "NB"


def test_both_receive_contact_information() -> None:
    """Both receive contact information.

    Two different introductions, each with the other's name and address.
    """
    world = make_pair()
    letters = {kind: read_letter(world.cohort, draft).text for kind, draft in introduce(world).items()}
    assert "mentee1@example.org" in letters["introduction_mentor"]
    assert "+1 555 0100" in letters["introduction_mentor"]
    assert "mentor1@example.org" in letters["introduction_mentee"]
    assert letters["introduction_mentor"] != letters["introduction_mentee"]


def test_the_mentor_reviews_the_mentees_application_and_gets_in_touch_as_soon_as_possible() -> None:
    """The mentor reviews the mentee's application and gets in touch as soon as possible.

    The mentor's introduction carries the application, as far as the mentee agreed to share it.
    """
    world = make_pair(goals_text="I hope to lead a library one day.", share_consent="My goals")
    letter = read_letter(world.cohort, introduce(world)["introduction_mentor"]).text
    assert "I hope to lead a library one day." in letter
    assert "get in touch with Ben Mentee1 as soon as you can. The first word is yours." in " ".join(
        letter.split()
    )
    assert "Library of mentee 1" not in letter
    assert "Student" not in letter
    silent = make_pair(goals_text="I hope to lead a library one day.", share_consent="")
    letter = read_letter(silent.cohort, introduce(silent)["introduction_mentor"]).text
    assert "I hope to lead" not in letter
    assert "chose to tell you about goals and plans in person" in " ".join(letter.split())


def test_they_talk_by_whichever_means_is_convenient_for_both() -> None:
    """They talk by phone, e-mail, online meeting, chat or text, whichever is convenient for both.

    Channels are collected, a pair must share one, and the introduction names the shared ones.
    """
    assert set(load_program().channels) == {"E-mail", "Phone", "Online meeting", "Chat", "Text message"}
    strangers = make_cohort([mentor(1, channels="Phone"), mentee(1, channels="Chat; E-mail")])
    assert plan_proposals(strangers, [], [], CLOSED).changes == ()
    world = World(
        make_cohort(
            [mentor(1, channels="Phone; Chat; E-mail"), mentee(1, channels="Chat; E-mail; Text message")]
        )
    )
    world.apply(plan_proposals(world.cohort, [], [], CLOSED), CLOSED)
    for draft in introduce(world).values():
        assert draft.context["channels"] == ["Chat", "E-mail"]
        assert "You both chose: Chat and E-mail." in " ".join(read_letter(world.cohort, draft).text.split())


@pytest.mark.parametrize("kind", ["introduction_mentor", "introduction_mentee"])
def test_suggested_talk_is_of_interests_hopes_and_the_associations_opportunities(kind: str) -> None:
    """Suggested talk: interests, hopes for the program, the association's opportunities.

    They stand in the introduction (webinars, conferences, committees by name), with the month's topic.
    """
    world = make_pair()
    text = " ".join(read_letter(world.cohort, introduce(world)[kind]).text.split())
    for words in (
        "your interests",
        "hopes to take from the program",
        "webinars",
        "conferences",
        "committees",
    ):
        assert words in text
    assert "Topic of 2027-03" in text
    assert "https://www.example.org/get-involved" in text


def test_the_mentor_reaches_out_at_the_beginning_of_each_month_with_the_topic() -> None:
    """The mentor reaches out at the beginning of each month with the discussion topic; the mentee responds.

    The mentor gets the topic on the first day of the month, the mentee a heads-up; late pairs catch up.
    """
    world = make_pair()
    introduce(world)
    for month in range(4, 12):
        # In August the server is down on the first.
        now = at(f"2027-{month:02d}-{3 if month == 8 else 1:02d}")
        sent = {
            draft.kind: draft
            for draft in send(world, plan_monthly_topics(world.cohort, topic_rows(*YEAR), now), now)
        }
        sent = {kind: draft for kind, draft in sent.items() if "introduction" not in kind}
        assert set(sent) == {"monthly_topic", "heads_up"}
        assert {draft.period for draft in sent.values()} == {f"2027-{month:02d}"}
        to_mentor = " ".join(read_letter(world.cohort, sent["monthly_topic"]).text.split())
        assert f"Topic of 2027-{month:02d}" in to_mentor
        assert "please reach out to Ben Mentee1" in to_mentor
        assert ("later than usual" in to_mentor) is (month == 8)
        assert "answer when Ben Mentor1 writes" in " ".join(
            read_letter(world.cohort, sent["heads_up"]).text.split()
        )


def test_a_pair_introduced_late_has_the_months_topic_in_the_introduction() -> None:
    """Late pairs catch up.

    Somebody introduced on 17 June gets June's topic with the introduction and July's on the first of July.
    """
    world = make_pair()
    letters = introduce(world, at("2027-06-17"))
    assert "Topic of 2027-06" in read_letter(world.cohort, letters["introduction_mentor"]).text
    assert plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-06-18")).messages == ()
    july = plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-07-01")).messages
    assert [draft.period for draft in july] == ["2027-07", "2027-07"]


def test_a_mentee_who_hears_nothing_may_get_in_touch() -> None:
    """A mentee who hears nothing may get in touch.

    The heads-up says so; check-ins ask; silence reaches the committee.
    """
    world = make_pair()
    introduce(world)
    plan = plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-04-01"))
    heads_up = next(draft for draft in plan.messages if draft.kind == "heads_up")
    text = " ".join(read_letter(world.cohort, heads_up).text.split())
    assert (
        "If you have heard nothing after the first week of the month, you are welcome to get in touch yourself"
        in text
    )
    assert "mentor1@example.org" in text
    asked = send(world, plan_check_ins(world.cohort, form("check_in"), at("2027-03-11")), at("2027-03-11"))
    assert [draft.recipient_id for draft in asked if draft.kind == "check_in"] == [
        "person-mentor-1",
        "person-mentee-1",
    ]
    [row] = list_check_in_rows(world.cohort, at("2027-03-22"))
    assert (row["Signal"], row["Next step"]) == (
        "Silence: nobody answered the check-in",
        "Reminders were in vain. Write to both, or call.",
    )
    token = token_for(world.cohort, "2027-match-001", MENTEE)
    missing = respond("check_in", 2, "2027-03-20", token=token, signal="I haven't heard from my partner")
    send(world, plan_check_ins(world.cohort, form("check_in", missing), at("2027-03-21")), at("2027-03-21"))
    standing = describe_standing(world.cohort, world.cohort.matches["2027-match-001"], at("2027-03-21"))
    assert standing.signal == "The mentee has not heard from the mentor"
    assert standing.next_step == "Ask the mentor whether all is well, and answer the mentee."


def test_whoever_cant_go_on_tells_the_committee_which_reaches_the_other_side() -> None:
    """Whoever can't go on tells the committee, which reaches the other side and makes other arrangements.

    A request comes in and waits; confirmed, the partner is told and goes first in the rematch.
    """
    people = [mentor(1), mentor(2, capacity="2"), mentee(1), mentee(2), mentee(3)]
    world = World(make_cohort(people, [pair(1, 1), pair(2, 2)]))
    now = at("2027-05-10")
    said = respond("request", 2, "2027-05-09", request="I can't go on", email="mentor1@example.org")
    world.apply(plan_requests(world.cohort, form("request", said), [], now), now)
    assert world.cohort.matches["2027-match-001"].state == "active", "the committee decides"
    confirmed = plan_requests(
        world.cohort, form("request", said), [decide("2027-request-001", "Confirm")], now
    )
    world.apply(confirmed, now)
    to_partner = next(draft for draft in confirmed.messages if draft.recipient_id == "person-mentee-1")
    text = " ".join(read_letter(world.cohort, to_partner).text.split())
    assert "Ben Mentor1 can't go on with the program" in text
    assert "You are at the front of the line" in text
    # One free seat, and mentee 3 has waited since the closing day.
    rematch = plan_proposals(world.cohort, [], [], now)
    assert [
        (change.mentor_application_id, change.mentee_application_id, change.is_rematch)
        for change in only(rematch.changes, ProposeMatch)
    ] == [("2027-mentor-002", MENTEE, 1)]


def test_a_match_that_does_not_work_out_ends_and_both_are_told_and_rematched() -> None:
    """A match that does not work out: both are told, and rematched when necessary.

    It ends with a reason; the rematch leaves every other pair as it is, and never repeats the pair.
    """
    people = [mentor(1), mentor(2), mentor(3), mentee(1), mentee(2)]
    world = World(make_cohort(people, [pair(1, 1), pair(2, 2)]))
    now, other = at("2027-05-10"), world.cohort.matches["2027-match-002"]
    said = respond(
        "request",
        2,
        "2027-05-09",
        request="Our match isn't working out",
        email="mentee1@example.org",
        rematch="Yes, please",
    )
    world.apply(plan_requests(world.cohort, form("request", said), [], now), now)
    plan = plan_requests(world.cohort, form("request", said), [decide("2027-request-001", "Confirm")], now)
    world.apply(plan, now)
    assert only(plan.changes, EndMatch) == [EndMatch("2027-match-001", "not_working_out")]
    told = {
        draft.recipient_id: " ".join(read_letter(world.cohort, draft).text.split()) for draft in plan.messages
    }
    assert set(told) == {"person-mentor-1", "person-mentee-1"}
    assert all("We are looking for a new match for you" in text for text in told.values())
    world.apply(plan_proposals(world.cohort, [], [], now), now)
    assert [match.pair for match in world.cohort.list_matches("proposed")] == [("2027-mentor-003", MENTEE)]
    assert world.cohort.matches["2027-match-002"] == other
    letters = introduce(world, at("2027-05-12"))
    assert (
        read_letter(world.cohort, letters["introduction_mentee"]).subject
        == "Meet your new mentor, Dina Mentor3"
    )


def test_both_complete_the_evaluation_form_at_the_end() -> None:
    """Both complete the evaluation form at the end.

    Invitations, reminders only to those who have not answered, compiled results for the board.
    """
    world = make_pair()
    introduce(world)
    asked = send(world, plan_completion(world.cohort, form("evaluation"), at("2027-11-15")), at("2027-11-15"))
    invited = [draft.recipient_id for draft in asked if draft.kind == "evaluation_invitation"]
    assert invited == ["person-mentor-1", "person-mentee-1"]
    token = token_for(world.cohort, "2027-match-001", MENTOR, "evaluation_invitation")
    said = form("evaluation", respond("evaluation", 2, "2027-11-20", token=token, satisfaction="5"))
    reminded = send(world, plan_completion(world.cohort, said, at("2027-11-30")), at("2027-11-30"))
    assert [(draft.kind, draft.recipient_id) for draft in reminded] == [
        ("evaluation_reminder", "person-mentee-1")
    ]
    summary = summarise_year(world.cohort, {})
    assert (summary.invited, summary.answered) == (2, 1)
    done = plan_completion(world.cohort, said, at("2027-12-01"))
    assert only(done.changes, EndMatch) == [EndMatch("2027-match-001", "completed")]


def test_every_letter_of_a_year_links_to_the_code_of_conduct_and_the_guidelines() -> None:
    """Everyone complies with the Code of Conduct: whoever gets a letter finds it there."""
    world = make_pair()
    introduce(world)
    world.apply(plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-04-01")), at("2027-04-01"))
    world.apply(plan_check_ins(world.cohort, form("check_in"), at("2027-04-11")), at("2027-04-11"))
    world.apply(plan_completion(world.cohort, form("evaluation"), at("2027-12-01")), at("2027-12-01"))
    kinds = {draft.kind for draft in world.drafts.values()}
    assert kinds >= {
        "introduction_mentor",
        "introduction_mentee",
        "monthly_topic",
        "heads_up",
        "check_in",
        "thanks",
    }
    assert kinds <= set(KINDS)
    for draft in world.drafts.values():
        letter = read_letter(world.cohort, draft)
        for link in (
            "https://www.example.org/code-of-conduct",
            "https://www.example.org/mentoring/guidelines",
        ):
            assert link in letter.text
            assert link in letter.html
