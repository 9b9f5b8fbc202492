"""Introductions: who is introduced when, and what each side may read of the other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cohorts import (
    YEAR,
    World,
    at,
    decide,
    in_daytime,
    make_cohort,
    mentee,
    mentor,
    only,
    pair,
    topic_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.changes import ActivateMatch, ApproveMatch, Plan
from mentoring.cohort import Application, Draft
from mentoring.form_fields import SHARE_PARTS
from mentoring.introductions import REASONS, plan_introductions, split_reasons
from mentoring.monthly_topics import plan_monthly_topics
from mentoring.pair_standing import list_shared_channels

NOW = at("2027-03-01")


def introduce(world: World, *rows: dict[str, str], now: object = NOW) -> Plan:
    plan = world.apply(plan_introductions(world.cohort, rows, topic_rows(*YEAR), now), now)  # type: ignore[arg-type]
    again = plan_introductions(world.cohort, rows, topic_rows(*YEAR), now)  # type: ignore[arg-type]
    assert (again.changes, again.messages) == ((), ()), "running twice changes nothing"
    assert set(again.counts.values()) <= {0} or "approved" in again.counts
    return plan


def letters(one: Application, other: Application, **changes: object) -> dict[str, Draft]:
    """Both introductions of an approved pair."""
    cohort = make_cohort([one, other], [pair(1, 1, "approved", **changes)])
    plan = plan_introductions(cohort, [], topic_rows(*YEAR), NOW)
    return {draft.kind: draft for draft in plan.messages}


def test_an_approval_on_the_tab_introduces_both_at_once() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "proposed")]))
    plan = introduce(world, decide("2027-match-001", "Approve"))
    assert plan.changes == (ApproveMatch("2027-match-001", "NB"), ActivateMatch("2027-match-001"))
    assert [(draft.kind, draft.recipient_id) for draft in plan.messages] == [
        ("introduction_mentor", "person-mentor-1"),
        ("introduction_mentee", "person-mentee-1"),
    ]
    assert plan.counts == {"introduced": 1, "told that they wait": 0}
    assert world.cohort.matches["2027-match-001"].introduced_at == NOW


def test_whose_proposal_is_rejected_in_the_same_run_is_told_by_it_and_not_only_by_the_next() -> None:
    matches = [pair(1, 1, "proposed"), pair(2, 2, "active")]
    world = World(make_cohort([mentor(1), mentee(1), mentor(2), mentee(2)], matches))
    plan = introduce(world, decide("2027-match-001", "Reject"))
    assert [(draft.kind, draft.subject_id) for draft in plan.messages] == [
        ("waiting_list", "2027-mentee-001")
    ]
    assert introduce(world, decide("2027-match-001", "Reject")).messages == ()


@pytest.mark.parametrize("word", ["", "Hold", "Reject", "Maybe"])
def test_nobody_is_introduced_without_an_approval(word: str) -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "proposed")]))
    plan = introduce(world, decide("2027-match-001", word))
    assert only(plan.changes, ActivateMatch) == []
    assert plan.messages == ()


def test_an_approval_taken_back_is_not_introduced() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")]))
    assert introduce(world, decide("2027-match-001", "Reject")).messages == ()
    assert world.cohort.matches["2027-match-001"].state == "rejected"


def test_before_the_first_day_approvals_are_recorded_and_wait() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "proposed")]))
    plan = introduce(world, decide("2027-match-001", "Approve"), now=at("2027-02-28 23:59"))
    assert plan.changes == (ApproveMatch("2027-match-001", "NB"),)
    assert plan.messages == ()
    assert plan.waiting == ("Approved pairs to be introduced on 1 March 2027: 1.",)
    assert introduce(world, now=at("2027-03-01 00:00")).counts["introduced"] == 1


def test_after_the_last_day_nobody_is_introduced() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")]))
    plan = introduce(world, now=at("2027-12-01 00:00"))
    assert (plan.changes, plan.messages) == ((), ())
    assert plan.waiting == (
        "The mentoring year ended on 30 November 2027; approved pairs that are no longer introduced: 1.",
    )
    assert introduce(world, now=at("2027-11-30 23:00")).counts["introduced"] == 1


@pytest.mark.parametrize("state", ["withdrawn", "needs_attention"])
def test_somebody_who_no_longer_takes_part_is_not_introduced(state: str) -> None:
    world = World(make_cohort([mentor(1), mentee(1, state)], [pair(1, 1, "approved")]))
    assert introduce(world).changes == ()


def test_each_side_learns_how_to_reach_the_other() -> None:
    both = letters(
        mentor(1, pronouns="she/her", institution="Old Library", phone="111", time_zone="Europe/Berlin"),
        mentee(1, pronouns="they/them", institution="New Library", phone="222", time_zone="America/St_Johns"),
    )
    assert both["introduction_mentee"].context["mentor"] == {
        "name": "Ben Mentor1",
        "email": "mentor1@example.org",
        "pronouns": "she/her",
        "phone": "111",
        "institution": "Old Library",
        "time_zone": "Central Europe (Berlin, Paris)",
    }
    assert both["introduction_mentor"].context["mentee"] == {
        "name": "Ben Mentee1",
        "email": "mentee1@example.org",
        "pronouns": "they/them",
        "phone": "222",
        "institution": "New Library",
        "time_zone": "Newfoundland (St. John's)",
    }
    assert both["introduction_mentee"].context["experience"] == "I enjoy cataloging serials."


def test_the_mentors_number_is_only_for_pairs_that_talk_by_phone() -> None:
    assert (
        letters(mentor(1, channels="E-mail"), mentee(1))["introduction_mentee"].context["mentor"]["phone"]
        == ""
    )
    texting = letters(mentor(1, channels="Text message"), mentee(1, channels="Text message"))
    assert texting["introduction_mentee"].context["mentor"]["phone"] == "+1 555 0100"


FACTS = {
    "My goals": ["Goals"],
    "My institution and position": [
        "Library type",
        "Career stage",
        "Years of experience",
        "Would like to work in",
    ],
    "My telephone number": [],
    "My topics and focus areas": ["Topics, first choice first", "Focus areas"],
}
#: A word of the application that nobody else has, by the part that it belongs to.
SECRETS = {
    "My goals": {"goals_text": "Secretgoal"},
    "My institution and position": {
        "institution": "Secretlibrary",
        "library_type": "Secrettype",
        "career_stage": "Secretstage",
        "years_experience": "77",
        "desired_library_type": "Secretwish",
    },
    "My telephone number": {"phone": "5550188"},
    "My topics and focus areas": {"topics_wanted": "Secrettopic", "focus_areas": "Secretarea"},
}


@given(st.sets(st.sampled_from(SHARE_PARTS)))
@settings(max_examples=16, deadline=None)
def test_the_mentor_reads_what_the_mentee_agreed_to_share_and_nothing_else(agreed: set[str]) -> None:
    answers = {name: text for part in SECRETS.values() for name, text in part.items()}
    consent = "; ".join(part for part in SHARE_PARTS if part in agreed)
    why = (
        "The mentee's first topic, Secrettopic, is offered by the mentor. The mentee's goals and the mentor's "
        "experience both speak of Secretgoal. The mentor is 77 years ahead in experience. Both speak English. "
        "Both name Secretarea as a focus area. Both know this type of library: Secrettype."
    )
    explanation = {
        "why": why,
        "watch_outs": "The mentee's first topic, Secrettopic, is not among the mentor's. "
        "They share only one way to talk: Phone.",
        "runner_ups": [],
    }
    letter = letters(mentor(1), mentee(1, share_consent=consent, **answers), explanation=explanation)
    context = letter["introduction_mentor"].context
    labels = [part["label"] for part in context["application"]]
    assert labels == [label for part, facts in FACTS.items() if part in agreed for label in facts]
    for part, secrets in SECRETS.items():
        for secret in secrets.values():
            assert (secret in str(context)) is (part in agreed), f"{part}: {secret}"
    assert "Both speak English." in context["why"]
    assert "They share only one way to talk: Phone." in context["watch_outs"]
    assert ("The mentor is 77 years ahead in experience." in context["why"]) is (
        "My institution and position" in agreed
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "The committee set this pair although they belong to the same institution.",
        "A sentence that the matching may learn to say about Secretgoal.",
        "Both speak English. A sentence that the matching may learn to say about Secretgoal.",
        "The pair meets every rule! Secretgoal is why.",
    ],
)
def test_a_sentence_that_is_not_known_is_only_for_pairs_that_share_everything(sentence: str) -> None:
    explanation = {"why": sentence, "watch_outs": sentence, "runner_ups": []}
    most = "; ".join(SHARE_PARTS[1:])
    letter = letters(mentor(1), mentee(1, share_consent=most), explanation=explanation)["introduction_mentor"]
    assert (letter.context["why"], letter.context["watch_outs"]) == ([], [])
    letter = letters(mentor(1), mentee(1), explanation=explanation)["introduction_mentor"]
    assert " ".join(letter.context["why"]) == sentence


def test_every_sentence_of_the_matching_is_known() -> None:
    """Whoever changes the matching's words must say here what they tell."""
    import pandas as pd

    from mentoring.matching import find_matches
    from mentoring.policy import Policy

    one = {
        "institution": "Library A",
        "library_type": "Academic",
        "years_experience": 14,
        "capacity": 1,
        "focus_areas": "Metadata",
        "channels": "E-mail; Phone",
        "time_zone": "America/New_York",
        "languages": "English",
        "topics_offered": "Grants; Tenure",
        "experience_text": "licensing",
    }
    other = {
        "institution": "Library B",
        "library_type": "Academic",
        "years_experience": 4,
        "focus_areas": "Metadata",
        "channels": "E-mail; Phone",
        "time_zone": "Europe/Berlin",
        "languages": "English",
        "desired_library_type": "Academic",
        "topics_wanted": "Grants; Tenure",
        "goals_text": "licensing",
    }
    changes: list[dict[str, object]] = [
        {},
        {"desired_library_type": "", "topics_wanted": "Travel; Tenure"},
        {"topics_wanted": "Travel", "channels": "Phone"},
        {"channels": ""},
        {"institution": "Library A", "years_experience": 20, "must_pair": "M"},
        {"institution": "Library A", "years_experience": 20},
    ]
    loose = {"same_institution_allowed": True, "experience_gap_required": False}
    policy = Policy.model_validate({"weights": {"languages": 10}} | loose)
    told: list[str] = []
    for change in changes:
        tables = (
            pd.DataFrame([{"person_id": "M", **one}]),
            pd.DataFrame([{"person_id": "E", **other, **change}]),
        )
        [pair] = find_matches(*tables, policy).matches.to_dict("records")
        told += [*split_reasons(pair["why"]), *split_reasons(pair["watch_outs"])]
    assert [sentence for sentence in told if sentence.count(". ")] == []
    openings = {
        next((words for words in REASONS if sentence.startswith(words)), sentence) for sentence in told
    }
    assert openings == set(REASONS) - {
        "The mentor has not said which ways to talk",
        "The pair meets every rule",
    }


def test_an_introduction_on_or_after_the_topics_day_brings_the_whole_topic() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")], topics_day=15)
    for now, prompts in (
        ("2027-04-14", []),
        ("2027-04-15", ["One?", "Two?"]),
        ("2027-04-30", ["One?", "Two?"]),
    ):
        plan = plan_introductions(cohort, [], topic_rows(*YEAR), at(now))
        assert [draft.context["first_topic"] for draft in plan.messages] == [
            {
                "month": "April 2027",
                "title": "Topic of 2027-04",
                "prompts": prompts,
                "links": ["https://www.example.org/a"] if prompts else [],
            }
        ] * 2


@given(st.integers(1, 28), st.integers(1, 28))
@settings(max_examples=40, deadline=None)
def test_every_pair_gets_the_months_topic_exactly_once(topics_day: int, day: int) -> None:
    """In the introduction, or on the topics' day; whichever way round the two days fall."""
    now = at(f"2027-05-{day:02d}")
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")], topics_day=topics_day))
    plan = introduce(world, now=now)
    later = plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-05-31"))
    ways = [bool(draft.context["first_topic"]["prompts"]) for draft in plan.messages]
    ways += [draft.period == "2027-05" for draft in later.messages]
    assert sum(ways) == 2, "once to each side"


def test_reasons_reach_both_with_names() -> None:
    explanation = {
        "why": "{2027-mentor-001} helps {2027-mentee-001}.",
        "watch_outs": "Few hours.",
        "runner_ups": [],
    }
    both = letters(mentor(1), mentee(1), explanation=explanation)
    assert both["introduction_mentor"].context["why"] == ["Ben Mentor1 helps Ben Mentee1."]
    assert both["introduction_mentee"].context["why"] == ["Ben Mentor1 helps Ben Mentee1."]
    assert both["introduction_mentor"].context["watch_outs"] == ["Few hours."]
    assert "watch_outs" not in both["introduction_mentee"].context


def test_shared_channels_are_in_the_mentees_order() -> None:
    one = mentor(1, channels="Phone; chat; E-mail")
    assert list_shared_channels(one, mentee(1, channels="Chat; Online meeting; Phone")) == ["Chat", "Phone"]
    assert list_shared_channels(mentor(1, channels=""), mentee(1, channels="")) == []


@pytest.mark.parametrize(
    ("now", "title"),
    [
        ("2027-03-01", "Topic of 2027-03"),
        ("2027-07-17", "Topic of 2027-07"),
        ("2027-03-31 23:30", "Topic of 2027-03"),
    ],
)
def test_the_introduction_names_the_months_topic(now: str, title: str) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved", is_rematch=True)])
    plan = plan_introductions(cohort, [], topic_rows(*YEAR), at(now))
    assert [draft.context["first_topic"]["title"] for draft in plan.messages] == [title, title]
    assert [draft.context["rematch"] for draft in plan.messages] == [True, True]


def test_without_a_topic_the_introduction_goes_out_all_the_same() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")])
    plan = plan_introductions(cohort, [], [], NOW)
    assert [draft.context["first_topic"] for draft in plan.messages] == [{}, {}]
    assert plan.waiting == (
        "The topic of March 2027 is missing on the Topics tab; introductions go out without it.",
    )


def test_mail_goes_out_in_each_sides_daytime() -> None:
    world = World(
        make_cohort(
            [mentor(1, time_zone="Pacific/Honolulu"), mentee(1, time_zone="Europe/Berlin")],
            [pair(1, 1, "approved")],
        )
    )
    plan = introduce(world, now=at("2027-03-01 20:00"))
    assert [draft.not_before for draft in plan.messages] == [
        at("2027-03-01 20:00"),
        at("2027-03-02 08:00", "Europe/Berlin"),
    ]
    assert in_daytime(world.cohort, plan.messages[0], "Pacific/Honolulu")
    assert all(draft.expires_at - draft.not_before == timedelta(days=30) for draft in plan.messages)


def test_who_has_nobody_is_told_once_that_introductions_have_begun() -> None:
    world = World(
        make_cohort([mentor(1), mentee(1), mentee(2), mentee(3, "needs_attention")], [pair(1, 1, "approved")])
    )
    plan = introduce(world)
    told = [draft for draft in plan.messages if draft.kind == "waiting_list"]
    assert [draft.subject_id for draft in told] == ["2027-mentee-002"]
    assert plan.counts == {"introduced": 1, "told that they wait": 1}
    later = introduce(world, now=at("2027-04-01"))
    assert later.counts == {"introduced": 0, "told that they wait": 0}


@pytest.mark.parametrize("state", ["proposed", "ended"])
def test_who_has_a_proposal_or_had_a_mentor_is_not_on_the_waiting_list(state: str) -> None:
    world = World(
        make_cohort([mentor(1), mentor(2), mentee(1), mentee(2)], [pair(1, 1, "approved"), pair(2, 2, state)])
    )
    assert introduce(world).counts["told that they wait"] == 0


def test_nobody_waits_before_anybody_was_introduced() -> None:
    world = World(make_cohort([mentee(1)]))
    assert introduce(world).messages == ()


def test_a_mentor_with_two_mentees_gets_two_introductions() -> None:
    matches = [pair(1, 1, "approved"), pair(1, 2, "approved", seat=2)]
    world = World(make_cohort([mentor(1, capacity="2"), mentee(1), mentee(2)], matches))
    plan = introduce(world)
    to_mentor = [draft for draft in plan.messages if draft.recipient_id == "person-mentor-1"]
    assert [draft.context["mentee"]["name"] for draft in to_mentor] == ["Ben Mentee1", "Cleo Mentee2"]
