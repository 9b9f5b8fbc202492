"""Addresses that look alike are shown to the committee and stay two people."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cohorts import make_cohort, mentee, mentor
from hypothesis import given
from hypothesis import strategies as st

from mentoring.addresses import normalise_address
from mentoring.cohort import Cohort, Person
from mentoring.desk_rows import list_application_rows
from mentoring.lookalikes import draw_address, find_lookalikes


@pytest.mark.parametrize(
    "twin",
    [
        "\u0430na.ortiz@example.org",  # a Cyrillic a
        "ana.ortiz@\u0435xample.org",  # a Cyrillic e in the domain
        "ana.0rtiz@example.org",
        "ana.ort1z@example.org",
        "ana.ortlz@example.org",
        "anaortiz@example.org",
        "ana.ortiz+mentoring@example.org",
        "an\u03b1.ortiz@example.org",  # a Greek alpha
        "an\u00e1.ortiz@example.org",
    ],
)
def test_a_twin_has_another_key_and_looks_alike(twin: str) -> None:
    key, other = normalise_address("ana.ortiz@example.org"), normalise_address(twin)
    assert key is not None
    assert other is not None
    assert other != key
    assert draw_address(other) == draw_address(key)


@pytest.mark.parametrize(
    "text", ["ANA.ORTIZ@EXAMPLE.ORG", "\uff41na.ortiz@example.org", " ana.ortiz@example.org "]
)
def test_another_spelling_of_one_address_is_no_twin_but_the_same(text: str) -> None:
    assert normalise_address(text) == "ana.ortiz@example.org"


@pytest.mark.parametrize("other", ["ana.ortiz@example.net", "ana.ortega@example.org", "bo.ortiz@example.org"])
def test_other_people_do_not_look_alike(other: str) -> None:
    assert draw_address(other) != draw_address("ana.ortiz@example.org")


@given(
    st.text(alphabet="abcdefghijkmnopqstuxyz", min_size=1, max_size=8),
    st.text(alphabet="abcdefghijkmnopqstuxyz", min_size=1, max_size=8),
)
def test_plain_names_look_alike_only_if_they_are_equal(one: str, two: str) -> None:
    assert (draw_address(f"{one}@example.org") == draw_address(f"{two}@example.org")) == (one == two)


def with_addresses(cohort: Cohort, **keys: str) -> Cohort:
    people = dict(cohort.people)
    for person_id, key in keys.items():
        people[person_id.replace("_", "-")] = Person(person_id.replace("_", "-"), key, key, "Somebody")
    return replace(cohort, people=people)


def test_the_committee_sees_both_and_nobody_is_merged() -> None:
    cohort = with_addresses(
        make_cohort([mentor(1), mentee(1), mentee(2), mentee(3, "withdrawn")]),
        person_mentor_1="ana.ortiz@example.org",
        person_mentee_1="\u0430na.ortiz@example.org",
        person_mentee_3="ana.0rtiz@example.org",
    )
    assert find_lookalikes(cohort) == {
        "2027-mentor-001": ["2027-mentee-001"],
        "2027-mentee-001": ["2027-mentor-001"],
    }
    rows = {row["Reference"]: row for row in list_application_rows(cohort)}
    assert rows["2027-mentee-001"]["What to fix"] == (
        "The address looks like that of 2027-mentor-001; ask both whether they are one person, before you match."
    )
    assert rows["2027-mentee-002"]["What to fix"] == ""
    assert {rows[key]["Status"] for key in ("2027-mentor-001", "2027-mentee-001")} == {"Accepted"}


def test_one_person_in_two_roles_is_no_twin() -> None:
    cohort = make_cohort([mentor(1, person_id="person-x"), mentee(1, person_id="person-x")])
    assert find_lookalikes(with_addresses(cohort, person_x="ana@example.org")) == {}
