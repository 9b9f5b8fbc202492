"""The Program tab: which of its values come into force, and the problem beside the others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from cohorts import load_program
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.changes import DropSetting, PutSetting
from mentoring.program import CohortSettings
from mentoring.steering import Steering, list_settings, put_in_force, steer_cohort


def steer(values: Mapping[str, str], stored: Mapping[str, str] | None = None) -> Steering:
    """Steer with a tab that shows every setting, as the software writes it, and these values."""
    tab = [{"Setting": item.words, "Value": values.get(item.words, "")} for item in list_settings()]
    return steer_cohort(load_program(), "2027", stored or {}, tab)


def problems(steering: Steering) -> dict[str, str]:
    return {str(row["Setting"]): str(row["Problem"]) for row in steering.rows if row["Problem"]}


def store(steering: Steering, stored: Mapping[str, str]) -> dict[str, str]:
    """What the database holds afterwards."""
    kept = dict(stored)
    for change in steering.changes:
        if isinstance(change, PutSetting):
            kept[change.setting] = change.setting_value
        elif isinstance(change, DropSetting):
            del kept[change.setting]
    return kept


def test_an_untouched_tab_shows_program_yaml() -> None:
    steering = steer({})
    assert steering.settings == load_program().cohorts["2027"]
    assert steering.policy == load_program().policy
    assert steering.changes == ()
    shown = {row["Setting"]: row["In force"] for row in steering.rows}
    assert shown["Starts"] == "2027-03-01"
    assert shown["Topics day"] == "1"
    assert shown["Weight of topics"] == "300"
    assert shown["Same institution allowed"] == "no"
    assert shown["Ideal experience gap"] == "10"
    assert problems(steering) == {}


def test_settings_have_their_own_words_and_explanations() -> None:
    settings = list_settings()
    assert len({item.words for item in settings}) == len(settings)
    assert len({item.path[-1] for item in settings}) == len(settings)
    assert all(item.meaning for item in settings)


def test_a_value_comes_into_force_and_stays() -> None:
    first = steer({"Topics day": " 5 ", "Ends": "2027-12-05 00:00:00", "Same institution allowed": "Yes"})
    assert first.settings.topics_day == 5
    assert first.settings.ends == date(2027, 12, 5)
    assert first.policy.same_institution_allowed is True
    assert set(first.changes) == {
        PutSetting("Topics day", "5"),
        PutSetting("Ends", "2027-12-05"),
        PutSetting("Same institution allowed", "Yes"),
    }
    again = steer(
        {"Topics day": "5", "Ends": "2027-12-05", "Same institution allowed": "Yes"}, store(first, {})
    )
    assert again.changes == ()
    assert again.settings == first.settings


def test_the_last_good_value_stays_in_force() -> None:
    steering = steer({"Topics day": "soon"}, {"Topics day": "5"})
    assert steering.settings.topics_day == 5
    assert steering.changes == ()
    assert problems(steering) == {"Topics day": "“soon” was not taken: write a whole number."}


def test_an_emptied_cell_brings_program_yaml_back() -> None:
    steering = steer({}, {"Topics day": "5"})
    assert steering.settings.topics_day == 1
    assert steering.changes == (DropSetting("Topics day"),)


def test_a_row_or_tab_that_is_gone_changes_nothing() -> None:
    for tab in ([], [{"Setting": "Starts", "Value": ""}], [{"Value": "7"}], [{"Setting": "Topics day"}][:0]):
        steering = steer_cohort(load_program(), "2027", {"Topics day": "5"}, tab)
        assert steering.settings.topics_day == 5
        assert steering.changes == ()


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("Starts", "1 March", "write a day like 2027-03-01."),
        ("Starts", "2027-02-30", "write a day like 2027-03-01."),
        ("Starts", "1798761600", "write a day like 2027-03-01."),  # seconds since 1970
        ("Topics day", "0", "should be greater than or equal to 1."),
        ("Topics day", "29", "should be less than or equal to 28."),
        ("Topics day", "1.5", "write a whole number."),
        ("Same institution allowed", "perhaps", "write yes or no."),
        ("Ends", "2027-02-28", "ends must be after starts."),
        ("Applications close", "2027-03-02", "starts must not be before applications close."),
        (
            "Floor",
            "1001",
            "the floor of 1001 points can never be reached: the weights add up to 1000; lower the floor.",
        ),
        (
            "Ideal experience gap",
            "2",
            "the ideal experience gap (2 years) is below the minimum (3 years); raise the ideal or lower the minimum.",
        ),
    ],
)
def test_a_bad_value_gets_a_plain_problem(setting: str, value: str, problem: str) -> None:
    steering = steer({setting: value})
    assert problems(steering) == {setting: f"“{value}” was not taken: {problem}"}
    assert (steering.settings, steering.policy) == (load_program().cohorts["2027"], load_program().policy)
    assert steering.changes == ()


def test_two_dates_that_only_fit_each_other_come_into_force_together() -> None:
    dates = {
        "Starts": "2028-01-10",
        "Ends": "2028-10-10",
        "Evaluation opens": "2028-09-01",
        "Evaluation due": "2028-10-01",
    }
    steering = steer(dates)
    assert problems(steering) == {}
    assert (steering.settings.starts, steering.settings.ends) == (date(2028, 1, 10), date(2028, 10, 10))


def test_a_bad_value_does_not_hold_up_dates_that_only_fit_each_other() -> None:
    dates = {
        "Starts": "2028-01-10",
        "Ends": "2028-10-10",
        "Evaluation opens": "2028-09-01",
        "Evaluation due": "2028-10-01",
    }
    steering = steer({**dates, "Topics day": "first", "Weight of topics": "many"})
    assert set(problems(steering)) == {"Topics day", "Weight of topics"}
    assert steering.settings.starts == date(2028, 1, 10)


def test_values_that_fit_only_after_a_later_row_are_taken() -> None:
    # The floor fits nothing, so the dates are tried one by one: Starts must wait for all the others.
    dates = {
        "Starts": "2027-12-15",
        "Ends": "2028-06-01",
        "Evaluation opens": "2027-12-20",
        "Evaluation due": "2028-01-20",
    }
    steering = steer({**dates, "Floor": "5000"})
    assert set(problems(steering)) == {"Floor"}
    assert (steering.settings.starts, steering.settings.ends) == (date(2027, 12, 15), date(2028, 6, 1))


def test_contradictory_dates_are_refused_with_a_problem_each_or_taken() -> None:
    steering = steer({"Starts": "2027-06-01", "Ends": "2027-05-01"})
    assert steering.settings.starts < steering.settings.ends
    assert problems(steering) == {"Ends": "“2027-05-01” was not taken: ends must be after starts."}


def test_a_cleared_date_that_others_rely_on_stays() -> None:
    stored = {"Ends": "2028-06-30", "Starts": "2027-12-15"}
    stored |= {"Evaluation opens": "2028-06-01", "Evaluation due": "2028-06-20"}
    steering = steer({key: value for key, value in stored.items() if key != "Ends"}, stored)
    assert steering.settings.ends == date(2028, 6, 30)
    assert problems(steering) == {
        "Ends": "Empty, but the value that the cohort began with does not fit the others: ends must be after starts."
    }


def test_stored_values_that_no_longer_fit_program_yaml_do_not_stop_the_program() -> None:
    stored = {"Ends": "2026-12-01", "Topics day": "5", "Colour": "blue"}
    steering = steer(stored, stored)
    assert steering.settings.topics_day == 5
    assert steering.settings.ends == date(2027, 11, 30)
    assert set(steering.changes) == {DropSetting("Ends"), DropSetting("Colour")}
    assert problems(steering) == {"Ends": "“2026-12-01” was not taken: ends must be after starts."}


texts = st.one_of(
    st.dates(date(2026, 6, 1), date(2029, 1, 1)).map(str),
    st.integers(-5, 70).map(str),
    st.sampled_from(["yes", "no", "soon", "", " ", "2027-3-1", "1e9"]),
)
tabs = st.dictionaries(st.sampled_from([item.words for item in list_settings()]), texts, max_size=8)


@settings(deadline=None)
@given(tabs, tabs)
def test_whatever_is_written_the_settings_are_valid_and_stable(
    first: dict[str, str], second: dict[str, str]
) -> None:
    stored: dict[str, str] = {}
    for values in (first, second):
        steering = steer(values, stored)
        stored = store(steering, stored)
        assert put_in_force(load_program(), "2027", stored) == (steering.settings, steering.policy)
        CohortSettings.model_validate(steering.settings.model_dump())
        assert steer(values, stored).changes == (), "running twice changes nothing"
        # Every value is in force, or has its problem.
        for words, text in values.items():
            assert not text.strip() or stored.get(words) == text.strip() or words in problems(steering)


@pytest.mark.parametrize("setting", ["Ends", "Evaluation due", "Applications open"])
@pytest.mark.parametrize("value", ["9999-12-31", "0001-01-01", "1999-12-31"])
def test_a_day_with_which_nothing_can_be_counted_is_not_taken(setting: str, value: str) -> None:
    assert problems(steer({setting: value})) == {
        setting: f"“{value}” was not taken: write a day of this century or the next."
    }


def test_a_setting_that_is_there_twice_with_different_values_keeps_the_last_good_one() -> None:
    tab = [{"Setting": "Topics day", "Value": "7"}, {"Setting": "Topics day", "Value": "9"}]
    steering = steer_cohort(load_program(), "2027", {"Topics day": "5"}, tab)
    assert steering.settings.topics_day == 5
    assert steering.changes == ()
    assert problems(steering) == {
        "Topics day": "This setting is on the tab twice with different values; delete one of the two rows."
    }
    agreeing = steer_cohort(load_program(), "2027", {}, [{"Setting": "Topics day", "Value": " 7"}, tab[0]])
    assert (agreeing.settings.topics_day, problems(agreeing)) == (7, {})


def test_characters_that_nobody_sees_do_not_count() -> None:
    assert steer({"Topics day": "\u200b7\u00a0"}).settings.topics_day == 7


ANY = [item.words for item in list_settings()]
#: Good values of every setting that come into force one by one, so that there is a last good one.
GOOD = {
    "Applications open": "2027-01-04",
    "Applications close": "2027-02-19",
    "Starts": "2027-03-08",
    "Ends": "2027-12-01",
    "Evaluation opens": "2027-11-10",
    "Evaluation due": "2027-12-20",
    "Next cohort opens": "2028-01-08",
    "Topics day": "5",
    "Check in after days": "14",
    "Retention months": "36",
    **{words: "77" for words in ANY if words.startswith("Weight of")},
    **{words: "no" for words in ANY if words.endswith("required")},
    "Same institution allowed": "yes",
    "Floor": "50",
    "Minimum experience gap": "2",
    "Ideal experience gap": "12",
}
_NUMBERS = st.integers(max_value=-1).map(str) | st.integers(min_value=10**7).map(str)
_TIMES = st.times().map("2027-03-01 {}".format).filter(lambda text: not text.endswith(" 00:00:00"))
WRONG = (
    "soon|1e9|NaN|inf|5.5|=1+1|#REF!|None|3/1/2027|1.3.2027|2027-02-30|2027-3-1|20270301|1798761600|5%|1,000|five|٥|５"
    "|maybe|-|12:30|<b>1</b>"
)
nonsense = st.one_of(
    st.sampled_from([*WRONG.split("|"), "x" * 5000]),
    st.text(alphabet="abcxz?!:;", min_size=1),
    _NUMBERS,
    _TIMES,
)


def test_every_setting_has_a_good_value_for_the_test_below() -> None:
    assert set(GOOD) == set(ANY)
    steering = steer(GOOD)
    assert problems(steering) == {}
    assert store(steering, {}) == GOOD


@pytest.mark.parametrize("setting", ANY)
@settings(max_examples=25, deadline=None)
@given(bad=nonsense)
def test_a_bad_value_of_any_setting_gets_a_problem_and_the_last_good_one_stays(
    setting: str, bad: str
) -> None:
    before = steer(GOOD, GOOD)
    after = steer(GOOD | {setting: bad}, GOOD)
    assert after.changes == ()
    assert (after.settings, after.policy) == (before.settings, before.policy)
    [(words, problem)] = problems(after).items()
    assert words == setting
    assert problem.startswith("“")
    assert " was not taken: " in problem
    assert problem.endswith(".")
    assert "\n" not in problem
    assert len(problem) < 250
    assert "datetime" not in problem
    assert {row["Setting"]: row["In force"] for row in after.rows} == {
        row["Setting"]: row["In force"] for row in before.rows
    }
    # Cleared, the value of program.yaml holds again, and mended, the new one.
    assert problems(steer(GOOD, GOOD)) == {}


def test_a_day_that_another_year_left_on_the_tab_is_not_taken() -> None:
    tab = [{"Setting": "Ends", "Value": "2026-12-01"}, {"Setting": "Weight of goals", "Value": "90"}]
    elsewhere = {("Ends", "2026-12-01"), ("Weight of goals", "90")}
    steering = steer_cohort(load_program(), "2027", {}, tab, elsewhere)
    assert str(steering.settings.ends) == "2027-11-30"
    assert steering.policy.weights.goals == 90, "weights hold on, days don't"
    [row] = [row for row in steering.rows if row["Setting"] == "Ends"]
    assert row["Problem"] == "“2026-12-01” is a day of another year; empty the cell, or write this year's."
    mine = steer_cohort(load_program(), "2027", {"Ends": "2027-12-01"}, [{"Setting": "Ends", "Value": "2027-12-01"}],
                        {("Ends", "2027-12-01")})  # fmt: skip
    assert str(mine.settings.ends) == "2027-12-01"
