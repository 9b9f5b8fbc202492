"""What the committee wrote: decisions, pair rules and topics, and the remark on what can't be read."""

from __future__ import annotations

from typing import Any

import pytest
from cohorts import decide, make_cohort, mentee, mentor, pair
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.decisions import (
    Decision,
    PairRules,
    read_match_decisions,
    read_message_decisions,
    read_pair_rules,
    read_request_decisions,
    read_topics,
)

ADA_BEN = ("2027-mentor-001", "2027-mentee-001")


@pytest.mark.parametrize("written", ["Approve", "approve", " APPROVE ", "Approve.", "approve!"])
def test_a_decision_is_read_however_it_is_written(written: str) -> None:
    decisions = read_match_decisions([decide("m1", written)])
    assert decisions.taken == {"m1": Decision("m1", "Approve", "NB")}
    assert decisions.remarks == {}


def test_a_word_that_is_no_decision_gets_a_remark_and_is_never_guessed() -> None:
    rows = [decide("m1", "Approved"), decide("m2", "yes"), decide("m3", "")]
    decisions = read_match_decisions(rows)
    assert decisions.taken == {}
    assert decisions.remarks == {
        "m1": "“Approved” is not a decision; choose Approve, Reject or Hold.",
        "m2": "“yes” is not a decision; choose Approve, Reject or Hold.",
    }


def test_each_tab_has_its_own_words() -> None:
    assert read_request_decisions([decide("r1", "Approve")]).remarks == {
        "r1": "“Approve” is not a decision; choose Confirm or Decline."
    }
    assert read_message_decisions([decide("n1", "leave")]).taken["n1"].word == "Leave"


def test_a_decision_without_a_name_is_the_committees() -> None:
    assert read_match_decisions([decide("m1", "Hold", by=" ")]).taken["m1"].by == "the committee"


def test_rows_that_contradict_each_other_decide_nothing() -> None:
    for rows in (
        [decide("m1", "Approve"), decide("m1", "Reject")],
        [decide("m1", "Approve"), decide("m1", "Reject"), decide("m1", "Approve")],
    ):
        decisions = read_match_decisions(rows)
        assert decisions.taken == {}
        assert decisions.remarks == {
            "m1": "This row is on the tab twice with different decisions; delete one of the two."
        }


def test_a_doubled_row_that_agrees_counts_once_with_the_first_name() -> None:
    rows = [decide("m1", "Approve", "Ada"), decide("m1", "approve", ""), decide("m1", "")]
    assert read_match_decisions(rows).taken == {"m1": Decision("m1", "Approve", "Ada")}


def test_an_unreadable_doubled_row_takes_the_decision_back() -> None:
    decisions = read_match_decisions([decide("m1", "Approve"), decide("m1", "Maybe")])
    assert decisions.taken == {}
    assert set(decisions.remarks) == {"m1"}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["m1", "m2", ""]), st.text(max_size=12))))
def test_every_written_decision_is_taken_or_remarked_on_never_both(written: list[tuple[str, str]]) -> None:
    decisions = read_match_decisions([decide(*row) for row in written])
    assert not set(decisions.taken) & set(decisions.remarks)
    assert set(decisions.taken) | set(decisions.remarks) == {key for key, word in written if key and word}


def rule(word: str, mentor: str, mentee: str) -> dict[str, str]:
    return {"Rule": word, "Mentor": mentor, "Mentee": mentee}


def read(*rows: dict[str, str], states: tuple[str, str] = ("accepted", "accepted")) -> PairRules:
    people = [mentor(1, states[0]), mentor(2), mentee(1, states[1]), mentee(2), mentee(3, name="Ben Mentee2")]
    return read_pair_rules(make_cohort(people), rows)


@pytest.mark.parametrize(
    "who", ["mentor1@example.org", "MENTOR1@example.org", " ben  mentor1", "2027-mentor-001"]
)
def test_a_rule_finds_people_by_address_name_or_reference(who: str) -> None:
    rules = read(rule("never pair", who, "mentee1@example.org"))
    assert rules.never_pair == {ADA_BEN}
    assert rules.must_pair == frozenset()
    assert rules.remarks == {}


def test_a_rule_about_somebody_unknown_gets_a_remark() -> None:
    row = rule("Must pair", "nobody@example.org", "")
    assert read(row).remarks == {
        (
            "Must pair",
            "nobody@example.org",
            "",
        ): "No mentor has this name or address; copy it from the Applications "
        "tab. Write the mentee's e-mail address or name."
    }


def test_a_name_that_two_have_gets_a_remark() -> None:
    people = [mentor(1), mentee(1, name="Jo Doe"), mentee(2, name="Jo Doe")]
    row = rule("Must pair", "mentor1@example.org", "jo doe")
    rules = read_pair_rules(make_cohort(people), [row])
    assert rules.must_pair == frozenset()
    assert list(rules.remarks.values()) == [
        "Several mentees have this name; write the e-mail address instead."
    ]


def test_another_word_for_a_rule_gets_a_remark() -> None:
    rules = read(rule("Should pair", "mentor1@example.org", "mentee1@example.org"))
    assert list(rules.remarks.values()) == ["Choose Must pair, Never pair or What if as the rule."]


def test_contradicting_rules_are_remarked_on_both_and_never_pair_holds() -> None:
    must = rule("Must pair", "mentor1@example.org", "mentee1@example.org")
    never = rule("Never pair", "Ben Mentor1", "Ben Mentee1")
    rules = read(must, never)
    assert rules.must_pair == frozenset()
    assert rules.never_pair == {ADA_BEN}
    sentence = "This pair must and must never be together; Never pair holds until one rule is deleted."
    assert rules.remarks == {tuple(must.values()): sentence, tuple(never.values()): sentence}


def test_a_must_pair_waits_for_both_to_be_accepted() -> None:
    row = rule("Must pair", "mentor1@example.org", "mentee1@example.org")
    rules = read(row, states=("needs_attention", "accepted"))
    assert rules.must_pair == {ADA_BEN}
    assert list(rules.remarks.values()) == [
        "The rule waits: one of the two is not accepted yet, see the Applications tab."
    ]
    assert read(row).remarks == {}


def test_a_withdrawn_person_is_nobody_for_a_rule() -> None:
    row = rule("Never pair", "mentor1@example.org", "mentee1@example.org")
    assert read(row, states=("accepted", "withdrawn")).never_pair == frozenset()


def test_one_person_can_not_be_paired_with_themselves() -> None:
    both = [mentor(1, person_id="p1"), mentee(1, person_id="p1")]
    row = rule("Must pair", "mentor1@example.org", "mentee1@example.org")
    rules = read_pair_rules(make_cohort(both), [row])
    assert rules.must_pair == frozenset()
    assert list(rules.remarks.values()) == [
        "The two are one person; choose somebody else or delete the rule."
    ]


def test_a_rule_that_comes_too_late_says_so() -> None:
    cohort = make_cohort([mentor(1), mentor(2), mentee(1), mentee(2)], [pair(1, 1), pair(2, 2, "rejected")])
    never = rule("Never pair", "mentor1@example.org", "mentee1@example.org")
    must = rule("Must pair", "mentor2@example.org", "mentee2@example.org")
    assert list(read_pair_rules(cohort, [never, must]).remarks.values()) == [
        "Too late: the two are approved or introduced already.",
        "The committee rejected this pair on the Matches tab; it does not return. Delete the rule.",
    ]


def test_blank_rows_are_no_rules() -> None:
    assert read(rule("", "", ""), {"Note": "x"}) == PairRules()


def topic(month: str, title: str = "Reading", prompts: str = "", links: str = "") -> dict[str, str]:
    return {"Month": month, "Topic": title, "Prompts": prompts, "Links": links}


def test_topics_are_read_line_by_line() -> None:
    topics, remarks = read_topics([topic("2027-03", prompts=" One?\n\nTwo? ", links="https://a.example\n")])
    assert remarks == {}
    assert topics["2027-03"].title == "Reading"
    assert topics["2027-03"].prompts == ("One?", "Two?")
    assert topics["2027-03"].links == ("https://a.example",)


@pytest.mark.parametrize("written", ["2027-03", "2027-3", " 2027-03 ", "2027-03-01", "2027-03-01 00:00:00"])
def test_a_month_is_read_however_the_sheet_keeps_it(written: str) -> None:
    assert list(read_topics([topic(written)])[0]) == ["2027-03"]


@pytest.mark.parametrize("written", ["March", "2027-13", "2027-00", "03/2027", "", "27-03"])
def test_a_month_that_is_none_gets_a_remark(written: str) -> None:
    topics, remarks = read_topics([topic(written)])
    assert topics == {}
    assert remarks == {written: "Write the month as year and month, like 2027-03."}


def test_the_first_row_of_a_doubled_month_counts() -> None:
    topics, remarks = read_topics([topic("2027-03", "First"), topic("2027-3", "Second")])
    assert topics["2027-03"].title == "First"
    assert remarks == {
        "2027-3": "This month is on the tab twice; the first row counts. Delete one of the two."
    }


def test_a_month_without_a_topic_waits() -> None:
    topics, remarks = read_topics([topic("2027-03", "")])
    assert topics == {}
    assert remarks == {"2027-03": "Write what the month is about; until then nothing is sent for it."}


def test_a_link_that_is_none_is_left_out_and_remarked_on() -> None:
    topics, remarks = read_topics(
        [topic("2027-03", links="www.example.org\njavascript:alert(1)\nhttps://ok.example/x")]
    )
    assert topics["2027-03"].links == ("https://ok.example/x",)
    assert remarks == {
        "2027-03": "A link must be an address that starts with https://, one per line; the others are sent."
    }


TABS = {
    read_match_decisions: ("Approve", "Reject", "Hold"),
    read_request_decisions: ("Confirm", "Decline"),
    read_message_decisions: ("Resend", "Leave"),
}


@pytest.mark.parametrize("read", TABS)
@settings(deadline=None)
@given(data=st.data())
def test_no_word_but_the_tabs_own_decides_anything(read: Any, data: Any) -> None:
    words = TABS[read]
    near = st.sampled_from(
        [word[:-1] for word in words]
        + [f"{word}d" for word in words]
        + [f"{word}, please" for word in words]
        + [f"Do not {word}" for word in words]
        + [f"{word}?" for word in words]
        + [
            "yes",
            "no",
            "ok",
            "x",
            "А" + words[0][1:],
            words[0].translate(str.maketrans("eo", "\u0435\u043e")),
            f"{words[0]}/{words[1]}",
        ]
    )
    written = data.draw(
        near
        | st.text(min_size=1).filter(
            lambda text: text.strip(" .!").casefold() not in {w.casefold() for w in words}
        )
    )
    decisions = read([decide("m1", written)])
    assert decisions.taken == {}
    assert decisions.remarks["m1"].startswith("“")
    assert decisions.remarks["m1"].endswith(
        f"is not a decision; choose {', '.join(words[:-1])} or {words[-1]}."
    )
