"""What the engine accepts, and the one sentence with which it refuses the rest."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from mentoring.matching import MENTEE_COLUMNS, MENTOR_COLUMNS, MatchingError, find_matches
from mentoring.matching.time_zones import find_overlap, read_offsets
from mentoring.policy import Policy


def people(*ids: str, **columns: list) -> pd.DataFrame:
    return pd.DataFrame({"person_id": list(ids)} | columns)


@pytest.mark.parametrize(
    ("mentors", "mentees", "sentence"),
    [
        (people("M", shoe_size=[1]), people("E"), "unknown column “shoe_size”"),
        (people("M", goals_text=["x"]), people("E"), "table of mentors has an unknown column “goals_text”"),
        (people("M"), people("E", capacity=[1]), "table of mentees has an unknown column “capacity”"),
        (people("M", "M"), people("E"), "The id M stands twice among the mentors"),
        (people("M", ""), people("E"), "Row 2 of the mentors has no person_id"),
        (people("M 1"), people("E"), "an id with a space"),
        (people("M", capacity=[-1]), people("E"), "Mentor M has the capacity -1"),
        (people("M", capacity=[1.5]), people("E"), "Mentor M has the capacity 1.5"),
        (people("M", capacity=[np.nan]), people("E"), "Mentor M has no capacity"),
        (people("M", capacity=["two"]), people("E"), "a capacity that is not a number"),
        (people("M", capacity=[np.inf]), people("E"), "a capacity that is not a number"),
        (people("M"), people("E", years_experience=["NaN"]), "Mentee E has no years_experience"),
        (people("M"), people("E", years_experience=[-2]), "Mentee E has -2 as years_experience"),
        (people("M", time_zone=["Mars/Base"]), people("E"), "Mentor M has a time_zone that is not known"),
        (people("M"), people("E", waiting_since=["soon"]), "Mentee E has a waiting_since that is not a date"),
        (
            people("M"),
            people("E", must_pair=["X"]),
            "Mentee E must be paired with X, but there is no mentor X",
        ),
        (
            people("M", must_pair=["X"]),
            people("E"),
            "Mentor M must be paired with X, but there is no mentee X",
        ),
        (
            people("A", "B"),
            people("E", must_pair=["A;B"]),
            "Mentee E must be paired with two mentors, A and B",
        ),
        (
            people("M", capacity=[1]),
            people("E", "F", must_pair=["M", "M"]),
            "paired with 2 mentees but has room for 1",
        ),
        (
            people("M", never_pair=["E"]),
            people("E", must_pair=["M"]),
            "must be paired and must never be paired",
        ),
        (people("P"), people("P", must_pair=["P"]), "are the same person"),
        (pd.DataFrame({"capacity": [1]}), people("E"), "no column “person_id”"),
    ],
)
def test_bad_input_gets_one_clear_sentence(mentors, mentees, sentence):
    with pytest.raises(MatchingError) as refusal:
        find_matches(mentors, mentees, Policy())
    text = str(refusal.value)
    assert sentence in text
    assert text.endswith(".")
    assert "\n" not in text


def test_a_doubled_column_is_refused():
    mentors = pd.DataFrame([["M", 1, 2]], columns=["person_id", "capacity", "capacity"])
    with pytest.raises(MatchingError, match="has the column “capacity” twice"):
        find_matches(mentors, people("E"), Policy())


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"weights": {"topics": -1}}, "greater than or equal to 0"),
        ({"weights": {"charm": 5}}, "Extra inputs are not permitted"),
        ({"weights": {"topics": 2_000_000}}, "at most 1,000,000"),
        ({"experience_gap": {"minimum": 5, "ideal": 2}}, "below the minimum"),
        ({"floor": 1001}, "can never be reached"),
        ({"flour": 1}, "Extra inputs are not permitted"),
    ],
)
def test_an_impossible_policy_is_refused(values, sentence):
    with pytest.raises(ValidationError, match=sentence):
        Policy.model_validate(values)


def test_every_field_of_the_policy_is_described():
    schema = Policy.model_json_schema()
    tables = [schema, *schema["$defs"].values()]
    assert all(field.get("description") for table in tables for field in table["properties"].values())


@pytest.mark.parametrize("empty", [pd.DataFrame(), pd.DataFrame(columns=["person_id", "capacity"])])
def test_an_empty_side_is_a_reason_and_no_error(empty):
    alone = find_matches(empty, people("E"), Policy())
    assert alone.unmatched.values.tolist() == [
        [
            "E",
            "mentee",
            "There are no mentors to match with.",
            "One mentor who applies could match this mentee.",
        ]
    ]
    assert alone.summary["matched"] == alone.summary["total_points"] == 0
    assert len(find_matches(empty, pd.DataFrame(), Policy()).unmatched) == 0
    assert find_matches(people("M"), pd.DataFrame(), Policy()).unmatched.role.tolist() == ["mentor"]


def test_columns_are_those_of_the_documentation():
    assert {"person_id", "capacity", "topics_offered", "experience_text", "must_pair"} <= set(MENTOR_COLUMNS)
    mentees = {column: [""] for column in MENTEE_COLUMNS if column != "years_experience"} | {
        "person_id": ["E"]
    }
    mentors = {column: [""] for column in MENTOR_COLUMNS if column not in {"years_experience", "capacity"}}
    blank = find_matches(pd.DataFrame(mentors | {"person_id": ["M"]}), pd.DataFrame(mentees), Policy())
    assert blank.matches[["mentor_id", "mentee_id", "points"]].values.tolist() == [["M", "E", 0]]


def test_values_are_read_as_programs_and_people_write_them():
    mentors = people(7.0, 8, capacity=["1", 1.0], topics_offered=[["Jobs", "Law"], " jobs ;LAW;; "])
    waiting = [dt.date(2026, 1, 2), pd.Timestamp("2026-01-02"), "2026-01-02T08:00"]
    mentees = people("a", "b", "c", topics_wanted=["JOBS; law"] * 3, waiting_since=waiting)
    matching = find_matches(mentors, mentees, Policy())
    assert matching.scores()[0].tolist() == [[300] * 3] * 2
    assert set(matching.matches.mentor_id) == {"7", "8"}
    assert matching.certificate["bonus"].tolist() == [matching.certificate["bonus"][0]] * 3


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        ("UTC", (0, 0)),
        ("utc+5:30", (330, 330)),
        ("GMT-8", (-480, -480)),
        ("+0200", (120, 120)),
        ("UTC\u22125", (-300, -300)),
        ("America/New_York", (-300, -240)),
        ("Pacific/Honolulu", (-600, -600)),
        ("Nowhere", None),
        ("../etc/passwd", None),
        ("UTC+99", None),
    ],
)
def test_time_zones_are_read(text, offsets):
    assert read_offsets(text) == offsets


@pytest.mark.parametrize(
    ("first", "second", "minutes"),
    [
        ("UTC", "UTC", 480),
        ("America/New_York", "America/Los_Angeles", 300),
        ("Europe/Berlin", "America/New_York", 120),
        ("Pacific/Honolulu", "Europe/Berlin", 0),
        ("UTC+12", "UTC-12", 480),
        ("America/Phoenix", "America/Denver", 420),
    ],
)
def test_working_days_overlap_in_the_worse_season(first, second, minutes):
    assert find_overlap(read_offsets(first), read_offsets(second)) == minutes
