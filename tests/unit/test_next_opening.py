"""The next cohort as the committee starts it: a day on the Program tab, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from cohorts import load_program
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.changes import Change, DropSetting, OpenCohort, PutSetting, TakeBackCohort
from mentoring.next_opening import open_next_cohort
from mentoring.next_year import shift_cohort
from mentoring.program import CohortSettings, Program
from mentoring.steering import NEXT_COHORT, Steering, list_settings, steer_cohort

TODAY = date(2027, 11, 20)
PROGRAM = load_program()


@dataclass
class Committee:
    """The tab, and what the database keeps of it, with the program.yaml beside it."""

    file: Program = PROGRAM
    tab: dict[str, str] = field(default_factory=dict)
    stored: dict[str, dict[str, str]] = field(default_factory=dict)
    opened: dict[str, tuple[str, CohortSettings]] = field(default_factory=dict)

    def read_program(self) -> Program:
        opened = {name: item for name, (_, item) in self.opened.items()}
        return self.file.model_copy(update={"cohorts": opened | self.file.cohorts})

    def run(self, today: date = TODAY) -> Steering:
        """One run for the cohort under way, as the tasks do it."""
        program = self.read_program()
        cohort_id = program.require_cohort(None, today)
        rows = [{"Setting": item.words, "Value": self.tab.get(item.words, "")} for item in list_settings()]
        mine = self.stored.setdefault(cohort_id, {})
        elsewhere = {pair for name, kept in self.stored.items() if name != cohort_id for pair in kept.items()}
        opened = {
            name: follows for name, (follows, _) in self.opened.items() if name not in self.file.cohorts
        }
        steering = steer_cohort(program, cohort_id, mine, rows, elsewhere, today)
        steering = open_next_cohort(steering, cohort_id, opened)
        self.apply(cohort_id, steering.changes)
        return steering

    def apply(self, cohort_id: str, changes: Sequence[Change]) -> None:
        for change in changes:
            match change:
                case PutSetting():
                    self.stored[cohort_id][change.setting] = change.setting_value
                case DropSetting():
                    del self.stored[cohort_id][change.setting]
                case OpenCohort():
                    item = CohortSettings.model_validate_json(change.cohort_settings)
                    self.opened[change.next_cohort_id] = (cohort_id, item)
                case TakeBackCohort():
                    del self.opened[change.next_cohort_id]


def find_row(steering: Steering) -> Mapping[str, str | int]:
    [row] = [row for row in steering.rows if row["Setting"] == NEXT_COHORT]
    return row


def test_the_setting_is_on_the_tab_under_its_name() -> None:
    [setting] = [item for item in list_settings() if item.path[-1] == "next_cohort_opens"]
    assert setting.words == NEXT_COHORT
    row = find_row(Committee().run())
    assert (row["In force"], row["Problem"], row["What it means"]) == ("none", "", setting.meaning)


def test_a_good_day_opens_the_next_cohort_with_every_day_moved_along() -> None:
    committee = Committee(tab={NEXT_COHORT: "2028-02-01", "Topics day": "5", "Ends": "2027-12-01"})
    steering = committee.run()
    assert steering.settings.next_cohort_opens == date(2028, 2, 1)
    follows, following = committee.opened["2028"]
    assert follows == "2027"
    # A year later it would have been 11 January: three weeks more for every day.
    assert following.model_dump(mode="json") == {
        "applications_open": "2028-02-01",
        "applications_close": "2028-03-04",
        "starts": "2028-03-22",
        "ends": "2028-12-22",
        "evaluation_opens": "2028-12-06",
        "evaluation_due": "2028-12-31",
        "next_cohort_opens": None,
        "topics_day": 5,
        "check_in_after_days": 10,
        "retention_months": 24,
    }
    assert steering.program.cohorts["2028"] == following
    row = find_row(steering)
    assert (row["In force"], row["Problem"]) == ("2028-02-01", "")
    assert row["What it means"] == (
        "Cohort 2028 starts by itself on 1 February 2028, with the settings of this one: applications until 4 March "
        "2028, introductions from 22 March 2028, evaluation until 31 December 2028, end 22 December 2028. Until then "
        "change or empty the day here; once it is under way, change its days on this tab."
    )
    assert committee.run().changes == (), "running twice changes nothing"


def test_until_its_day_the_plan_follows_the_committee() -> None:
    committee = Committee(tab={NEXT_COHORT: "2028-02-01"})
    committee.run()
    committee.tab[NEXT_COHORT] = "2028-01-17"
    committee.run()
    assert committee.opened["2028"][1].applications_open == date(2028, 1, 17)
    committee.tab["Topics day"] = "9"
    committee.run()
    assert committee.opened["2028"][1].topics_day == 9, "what is in force when it begins"
    committee.tab[NEXT_COHORT] = ""
    steering = committee.run(date(2028, 1, 16))
    assert committee.opened == {}
    assert list(steering.program.cohorts) == ["2027"]
    assert find_row(steering)["In force"] == "none"
    assert committee.run(date(2028, 3, 1)).program.require_cohort(None, date(2028, 3, 1)) == "2027"


@pytest.mark.parametrize("written", ["", "2028-06-01", "soon", "2028-02-01"])
def test_from_its_day_on_the_cohort_stays_whatever_the_cell_says(written: str) -> None:
    committee = Committee(tab={NEXT_COHORT: "2028-02-01"})
    committee.run()
    begun = committee.opened["2028"]
    committee.tab[NEXT_COHORT] = written
    for day in (date(2028, 2, 1), date(2028, 2, 2), date(2028, 5, 1)):
        steering = committee.run(day)
        assert steering.program.require_cohort(None, day) == "2028"
        assert committee.opened == {"2028": begun}
        assert bool(find_row(steering)["Problem"]) == bool(written)


def test_the_day_that_began_this_cohort_is_not_taken_for_the_next() -> None:
    committee = Committee(tab={NEXT_COHORT: "2028-02-01", "Ends": "2027-12-01"})
    committee.run()
    problems = {
        row["Setting"]: row["Problem"] for row in committee.run(date(2028, 2, 1)).rows if row["Problem"]
    }
    assert problems == {
        "Ends": "“2027-12-01” is a day of another year; empty the cell, or write this year's.",
        NEXT_COHORT: "“2028-02-01” is a day of another year; empty the cell, or write this year's.",
    }
    committee.tab = {NEXT_COHORT: "2029-02-05"}
    committee.run(date(2028, 12, 20))
    assert {name: follows for name, (follows, _) in committee.opened.items()} == {
        "2028": "2027",
        "2029": "2028",
    }


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("soon", "write a day like 2027-03-01."),
        ("2028-02-30", "write a day like 2027-03-01."),
        ("None", "write a day like 2027-03-01."),
        ("2027-11-12", "it is more than a week past; write today's day or a later one."),
        ("2026-02-01", "it is more than a week past; write today's day or a later one."),
        ("2029-11-21", "it is more than two years ahead; write an earlier day."),
        ("2208-02-01", "it is more than two years ahead; write an earlier day."),
        # The evaluation is due on 10 December, and its figures are compiled on the day after.
        ("2027-12-11", "next cohort opens must be 2027-12-12 or later, when this cohort is over."),
        ("2027-11-13", "next cohort opens must be 2027-12-12 or later, when this cohort is over."),
    ],
)
def test_a_bad_day_gets_its_problem_and_the_last_good_one_stays(written: str, problem: str) -> None:
    for before in ("", "2028-02-01"):
        committee = Committee(tab={NEXT_COHORT: before})
        committee.run()
        opened = dict(committee.opened)
        committee.tab[NEXT_COHORT] = written
        row = find_row(committee.run())
        assert row["Problem"] == f"“{written}” was not taken: {problem}"
        assert row["In force"] == (before or "none")
        assert committee.opened == opened
        assert bool(opened) == bool(before)


def test_a_day_of_some_days_ago_starts_the_cohort_at_once() -> None:
    """The software may have stood still since the committee wrote it."""
    committee = Committee(tab={NEXT_COHORT: "2028-02-01"})
    steering = committee.run(date(2028, 2, 8))
    assert find_row(steering)["Problem"] == ""
    assert committee.read_program().require_cohort(None, date(2028, 2, 8)) == "2028"


def test_a_longer_evaluation_is_not_cut_off_by_the_day_in_force() -> None:
    committee = Committee(tab={NEXT_COHORT: "2028-01-03"})
    committee.run()
    committee.tab["Evaluation due"] = "2028-01-02"
    steering = committee.run()
    problems = {row["Setting"]: row["Problem"] for row in steering.rows if row["Problem"]}
    assert problems == {
        "Evaluation due": "“2028-01-02” was not taken: next cohort opens must be 2028-01-04 or later, when this "
        "cohort is over."
    }
    committee.tab[NEXT_COHORT] = "2028-01-04"
    assert not [row for row in committee.run().rows if row["Problem"]], "both together"


def test_a_later_cohort_of_program_yaml_wins() -> None:
    committee = Committee(tab={NEXT_COHORT: "2028-02-01"})
    committee.run()
    later = shift_cohort(PROGRAM.cohorts["2027"])
    for name in ("2028", "spring-2028"):
        committee.file = PROGRAM.model_copy(update={"cohorts": {**PROGRAM.cohorts, name: later}})
        steering = committee.run()
        row = find_row(steering)
        assert row["In force"] == "2028-01-11"
        assert row["What it means"] == (
            f"Cohort {name} follows on 11 January 2028 by program.yaml, where your operator changes its days."
        )
        assert row["Problem"] == (
            f"“2028-02-01” counts for nothing: cohort {name} follows on 11 January 2028 by program.yaml; empty the cell."
        )
        assert set(steering.program.cohorts) == {"2027", name}
    assert committee.opened == {}
    committee.tab[NEXT_COHORT] = ""
    assert find_row(committee.run())["Problem"] == ""


def test_program_yaml_may_say_the_day_as_well() -> None:
    settings = PROGRAM.cohorts["2027"].model_copy(update={"next_cohort_opens": date(2028, 1, 20)})
    committee = Committee(PROGRAM.model_copy(update={"cohorts": {"2027": settings}}))
    committee.run()
    assert committee.opened["2028"][1].applications_open == date(2028, 1, 20)


def test_characters_of_a_day_cell_do_not_count() -> None:
    committee = Committee(tab={NEXT_COHORT: " 2028-02-01 00:00:00"})
    committee.run()
    assert committee.opened["2028"][1].applications_open == date(2028, 2, 1)


texts = st.one_of(
    st.dates(date(2027, 10, 1), date(2030, 1, 1)).map(str), st.sampled_from(["", "soon", "2027-2-1"])
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), texts), max_size=12))
def test_whatever_is_written_when_no_cohort_that_has_begun_goes_or_changes(
    steps: list[tuple[int, str]],
) -> None:
    committee, today = Committee(), TODAY
    begun: dict[str, CohortSettings] = {}
    for days, written in steps:
        today += timedelta(days=days)
        committee.tab[NEXT_COHORT] = written
        under_way = committee.read_program().require_cohort(None, today)
        steering = committee.run(today)
        again = committee.run(today)
        if committee.read_program().require_cohort(None, today) == under_way:
            assert again.changes == (), "running twice changes nothing"
        for name, item in begun.items():
            assert committee.read_program().cohorts[name] == item
        begun = {
            name: item
            for name, item in committee.read_program().cohorts.items()
            if item.applications_open <= today
        }
        opens = [item.applications_open for item in committee.read_program().cohorts.values()]
        assert len(set(opens)) == len(opens), "one after the other"
        # In force is what comes of it, or the cell has its problem.
        planned = [
            str(item.applications_open)
            for name, (follows, item) in committee.opened.items()
            if follows == under_way
        ]
        assert planned == [find_row(steering)["In force"]] or not planned
        text = written.strip()
        assert not text or find_row(steering)["Problem"] or [text] == planned
