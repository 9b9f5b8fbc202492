"""Years side by side, and pairs by criterion: right by hand, silent about small groups, and no claim too many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from test_evaluation import FIT, QUESTIONS, SATISFACTION, summarise

from mentoring.desk import Cell
from mentoring.evaluation import EvaluationSummary, compare_years, describe_fit, list_figures
from mentoring.evaluation.comparison_values import Difference, Measure, YearComparison
from mentoring.evaluation.comparison_words import FIRST_YEAR, describe_difference, write_comparison
from mentoring.evaluation.criteria_words import NO_CAUSE, write_fit
from mentoring.evaluation.intervals import difference_interval
from mentoring.evaluation.values import CriterionFit, PairPoints

COUNTS = {
    "applications.mentor": 20,
    "applications.mentee": 26,
    "accepted.mentee": 24,
    "matched.mentee": 18,
    "introduced": 20,
    "ended.completed": 16,
    "active": 0,
}


def make_year(high: int, low: int, counts: Mapping[str, int] = COUNTS, **options: Any) -> EvaluationSummary:
    """So many mentors answer 5 to the question of satisfaction, so many 2, and as many mentees the same."""
    side = [{"satisfaction": "5"}] * high + [{"satisfaction": "2"}] * low
    return summarise(side, side, year_counts=counts, **options)


def compare(*years: EvaluationSummary) -> YearComparison:
    names = [str(2027 + number) for number in range(len(years))]
    *earlier, this = zip(names, years, strict=True)
    return compare_years(this, earlier)


def find(comparison: YearComparison, name: str) -> Measure:
    return next(item for item in comparison.measures if item.name == name)


@pytest.mark.parametrize(
    ("figures", "low", "high"),
    # R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    # Medicine 17 (1998), 873–890, table II, method 10.
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
    ],
)
def test_intervals_of_differences_are_newcombes(
    figures: tuple[int, int, int, int], low: float, high: float
) -> None:
    assert difference_interval(*figures) == pytest.approx((low, high), abs=5e-5)


def test_the_first_year_has_nothing_to_compare_with() -> None:
    comparison = compare(make_year(5, 5))
    assert comparison.measures == ()
    assert write_comparison(comparison) == [FIRST_YEAR]
    assert FIRST_YEAR == "This is the first year; nothing to compare with yet."


def test_every_year_stands_with_its_number_its_share_and_its_interval() -> None:
    comparison = compare(make_year(4, 6), make_year(7, 3))
    satisfied = find(comparison, SATISFACTION.text)
    shares = [
        (year.year, year.total, year.share and year.share.describe(), year.mean) for year in satisfied.years
    ]
    assert shares == [("2027", 20, "40% (8 of 20)", 3.2), ("2028", 20, "70% (14 of 20)", 4.1)]
    assert [year.share and year.share.describe_interval() for year in satisfied.years] == [
        "22% to 61%",
        "48% to 85%",
    ]
    matched = find(comparison, "Mentees who got a mentor")
    assert [year.share and year.share.describe() for year in matched.years] == ["75% (18 of 24)"] * 2
    response = find(comparison, "Mentors who answered the evaluation")
    assert [(year.total, year.share and year.share.count) for year in response.years] == [(10, 10), (10, 10)]


def test_a_difference_that_chance_may_explain_is_no_change() -> None:
    comparison = compare(make_year(4, 6), make_year(7, 3))
    difference = find(comparison, SATISFACTION.text).difference
    assert difference is not None
    assert difference.value == pytest.approx(0.3)
    assert difference.low < 0 < difference.high
    words = " ".join(write_comparison(comparison))
    assert "no change is claimed: “Mentees who got a mentor”; “Pairs that completed the year”;" in words
    assert "more than chance" not in words


def test_a_difference_beyond_chance_is_told_with_both_years() -> None:
    comparison = compare(make_year(10, 30), make_year(34, 6))
    told = [line for line in write_comparison(comparison) if "more than chance alone would explain" in line]
    assert len(told) == 1
    assert told[0].startswith("“How satisfied?”: 85% (68 of 80) answered 4 or 5 after 25% (20 of 80)")
    assert "+60 percentage points since 2027 (interval +" in told[0]


def test_the_two_of_a_pair_who_say_the_same_count_once_and_many_questions_widen_the_interval() -> None:
    comparison = compare(make_year(8, 12), make_year(14, 6))
    difference = find(comparison, SATISFACTION.text).difference
    assert difference is not None
    # By 40 answers a year it would be clear; by 20 pairs a year, and six questions at once, it is not.
    assert difference_interval(28, 40, 16, 40)[0] > 0
    compared = sum(item.difference is not None for item in comparison.measures)
    assert compared == 6
    expected = difference_interval(14, 20, 8, 20, 1 - 0.05 / compared)
    assert (difference.low, difference.high) == pytest.approx(expected)
    assert not difference.is_clear


@pytest.mark.parametrize("few", [1, 2])
def test_years_with_fewer_than_five_answers_are_not_shown_and_not_compared(few: int) -> None:
    counts = COUNTS | {"accepted.mentee": 4, "matched.mentee": 3, "introduced": 4, "ended.completed": 1}
    comparison = compare(make_year(few, 0, counts), make_year(10, 10))
    for measure in comparison.measures:
        assert measure.years[0].share is None
        assert measure.years[0].mean is None
        assert measure.difference is None
    assert find(comparison, SATISFACTION.text).years[0].remark == "too few answers to show"
    assert "nothing is compared" in write_comparison(comparison)[-1]


def test_the_latest_year_that_can_be_shown_is_the_one_to_compare_with() -> None:
    difference = find(
        compare(make_year(5, 5), make_year(1, 1), make_year(6, 4)), SATISFACTION.text
    ).difference
    assert difference is not None
    assert difference.since == "2027"


def test_pairs_under_way_have_not_failed_to_complete() -> None:
    running = make_year(5, 5, COUNTS | {"ended.completed": 0, "active": 16})
    completed = find(compare(make_year(5, 5), running), "Pairs that completed the year")
    assert (completed.years[1].share, completed.years[1].remark) == (None, "pairs are still under way")
    assert completed.difference is None


def test_a_question_that_is_new_has_no_earlier_answers() -> None:
    fit = find(compare(make_year(5, 5), make_year(5, 5)), FIT.text)
    assert [year.remark for year in fit.years] == ["no answers", "no answers"]
    assert len(QUESTIONS) > 2


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (
            0.02,
            0.4,
            "+21 percentage points since 2027 (interval +2 to +40): more than chance alone would explain.",
        ),
        (
            -0.4,
            -0.02,
            "−21 percentage points since 2027 (interval −40 to −2): more than chance alone would explain.",
        ),
        (-0.001, 0.4, "+20 percentage points since 2027 (interval 0 to +40): chance alone may explain it."),
    ],
)
def test_a_difference_in_words(low: float, high: float, words: str) -> None:
    assert describe_difference(Difference("2027", (low + high) / 2, low, high)) == words


# Rows of the `Evaluation` tab

Cells = tuple[Cell, Cell, Cell]


def list_new_rows(summary: EvaluationSummary, **parts: Any) -> dict[Cell, Cells]:
    """What the parts add to the rows of the summary: Value, Answers and Note by Figure and Group."""
    known = [(row["Figure"], row["Group"]) for row in list_figures(summary)]
    rows = list_figures(replace(summary, **parts))
    keys = [(row["Figure"], row["Group"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert [key for key in keys if key in known] == known, "the other rows stay as they are"
    return {
        f"{row['Figure']} | {row['Group']}": (row["Value"], row["Answers"], row["Note"])
        for row in rows
        if (row["Figure"], row["Group"]) not in known
    }


def test_the_committee_reads_every_year_and_the_change_in_its_sheet() -> None:
    before, this = make_year(10, 30), make_year(34, 6, COUNTS | {"matched.mentee": 24})
    rows = list_new_rows(this, comparison=compare(before, this))
    # Two counts; two rates, three response rates and one question, each of two years with a change; and one that
    # nobody answered.
    assert len(rows) == 2 + 6 * 3 + 2
    assert rows["Applications in 2027 | Mentors"] == (20, "", "")
    assert rows["Applications in 2027 | Mentees"] == (26, "", "")
    assert rows["How satisfied?: answered 4 or 5, in 2027 | Everyone"] == (
        "25%", 80, "20 of 80 answers; 95% interval 17% to 35% (Wilson); mean 2.8"
    )  # fmt: skip
    assert rows["How satisfied?: answered 4 or 5, in 2028 | Everyone"] == (
        "85%", 80, "68 of 80 answers; 95% interval 76% to 91% (Wilson); mean 4.6"
    )  # fmt: skip
    value, answers, note = rows["How satisfied?: answered 4 or 5, change since 2027 | Everyone"]
    assert (value, answers) == ("60 points more", "")
    assert str(note).startswith("+60 percentage points since 2027 (interval +")
    assert str(note).endswith("more than chance alone would explain.")
    assert rows["Mentees who got a mentor, in 2027 | Mentees"] == (
        "75%", "", "18 of 24 accepted mentees; 95% interval 55% to 88% (Wilson)"
    )  # fmt: skip
    assert rows["Mentees who got a mentor, change since 2027 | Mentees"][0] == "25 points more"
    assert rows["Pairs that completed the year, change since 2027 | Pairs"][0] == "the same"
    assert rows["Mentors who answered the evaluation, in 2028 | Mentors"][0] == "100%"
    assert rows["How well did you fit?: answered 4 or 5, in 2027 | Everyone"] == (
        "–", 0, "0 answers: no answers"
    )  # fmt: skip


def test_a_share_that_fell_is_told_as_less() -> None:
    before, this = make_year(7, 3), make_year(4, 6)
    rows = list_new_rows(this, comparison=compare(before, this))
    value, _, note = rows["How satisfied?: answered 4 or 5, change since 2027 | Everyone"]
    assert value == "30 points less"
    assert str(note).endswith("chance alone may explain it.")


def test_a_small_year_gives_the_tab_no_share_and_no_change() -> None:
    counts = COUNTS | {"accepted.mentee": 4, "matched.mentee": 3, "introduced": 4, "ended.completed": 1}
    this = make_year(10, 10)
    rows = list_new_rows(this, comparison=compare(make_year(2, 0, counts), this))
    small = {key: cells for key, cells in rows.items() if ", in 2027" in str(key)}
    assert len(small) == 7
    assert {cells[0] for cells in small.values()} == {"–"}
    assert [key for key in rows if "change since" in str(key)] == []
    assert small["How satisfied?: answered 4 or 5, in 2027 | Everyone"] == (
        "–", 4, "4 answers: too few answers to show"
    )  # fmt: skip


def test_the_tab_says_that_a_first_year_has_nothing_to_compare_with() -> None:
    this = make_year(5, 5)
    rows = list_new_rows(this, comparison=compare(this))
    assert rows == {"Compared with earlier years | Everyone": ("–", "", FIRST_YEAR)}


# Points by criterion

WEIGHTS = {"topics": 300, "goals": 100, "languages": 0}


def pairs(*groups: tuple[int, float, tuple[int, ...]]) -> list[PairPoints]:
    """So many pairs with such a share of the topics' points, and such answers; all got a quarter of the goals'."""
    return [
        PairPoints({"topics": share, "goals": 0.25}, steps)
        for count, share, steps in groups
        for _ in range(count)
    ]


def describe_topics(*groups: tuple[int, float, tuple[int, ...]]) -> CriterionFit:
    return describe_fit("How satisfied?", pairs(*groups), WEIGHTS).criteria[0]


def test_points_and_answers_of_a_criterion_are_right_by_hand() -> None:
    topics = describe_topics((6, 1.0, (5, 4)), (4, 0.4, (2, 5)), (2, 0.5, ()))
    assert (topics.criterion, topics.weight) == ("topics", 300)
    assert topics.earned == pytest.approx((6 + 4 * 0.4 + 2 * 0.5) / 12)
    assert (topics.many.pairs, topics.few.pairs) == (8, 4)
    assert topics.many.favourable is not None
    assert topics.few.favourable is not None
    assert (topics.many.favourable.describe(), topics.few.favourable.describe()) == ("12 of 12", "4 of 8")


def test_a_criterion_that_is_switched_off_is_not_described() -> None:
    found = describe_fit("How satisfied?", pairs((5, 0.5, (4,))), WEIGHTS)
    assert [item.criterion for item in found.criteria] == ["topics", "goals"]


@pytest.mark.parametrize(
    ("many", "few", "withheld"),
    [
        (5, 5, ("", "")),
        (5, 4, ("would_reveal", "too_few")),
        (4, 5, ("too_few", "would_reveal")),
        (9, 0, ("", "too_few")),
    ],
)
def test_few_answers_are_not_shown_nor_what_would_give_them_away(
    many: int, few: int, withheld: tuple[str, str]
) -> None:
    topics = describe_topics((many, 0.9, (5,)), (few, 0.1, (1,)))
    assert (topics.many.withheld, topics.few.withheld) == withheld
    shown = [group.favourable is not None for group in (topics.many, topics.few)]
    assert shown == [not word for word in withheld]
    assert (topics.difference is not None) == all(shown)


def test_few_pairs_are_not_described() -> None:
    found = describe_fit("How satisfied?", pairs((4, 0.5, (4, 4))), WEIGHTS)
    assert found.criteria == ()
    assert write_fit(found) == ["Fewer than 5 pairs with known points are too few to describe."]


def test_words_name_the_best_and_the_least_claim_nothing_and_say_that_it_is_no_cause() -> None:
    words = write_fit(describe_fit("How satisfied?", pairs((6, 1.0, (5, 3)), (6, 0.4, (2, 5))), WEIGHTS))
    assert words[0] == (
        "The year's 12 pairs fit best in “topics”, with 70% of the possible points in the mean, and least in "
        "“goals”, with 25%."
    )
    assert words[1].endswith("chance alone may explain how their answers differ: “topics”.")
    assert words[2] == "With too few answers on one side, nothing is compared: “goals”."
    assert words[-1] == NO_CAUSE


def test_a_difference_beyond_chance_is_told_of_the_criterion() -> None:
    words = write_fit(describe_fit("How satisfied?", pairs((30, 1.0, (5, 4)), (30, 0.4, (2, 1))), WEIGHTS))
    assert words[1].startswith(
        "“topics”: where the pair got half or more of the points, 100% (60 of 60) answered 4 or 5 to “How satisfied?”;"
    )
    assert words[1].endswith("where it got less than half, 0% (0 of 60). Chance alone hardly explains that.")


def test_the_committee_reads_points_and_answers_of_each_criterion_in_its_sheet() -> None:
    fit = describe_fit("How satisfied?", pairs((6, 1.0, (5, 4)), (4, 0.4, (2, 5)), (2, 0.5, ())), WEIGHTS)
    rows = list_new_rows(make_year(5, 5), fit=fit)
    assert list(rows.items()) == [
        ("Fit: pairs whose points are known | Pairs", (12, "", " ".join(write_fit(fit)))),
        (
            "Fit: share of the possible points for topics | Pairs",
            ("72%", "", "215 of 300 points in the mean; 8 of 12 pairs got half or more"),
        ),
        (
            "Fit: answered 4 or 5 to “How satisfied?” with half or more of the points for topics | Everyone",
            ("100%", 12, "12 of 12; 95% interval 76% to 100% (Wilson)"),
        ),
        (
            "Fit: answered 4 or 5 to “How satisfied?” with less than half of the points for topics | Everyone",
            ("50%", 8, "4 of 8; 95% interval 22% to 78% (Wilson)"),
        ),
        (
            "Fit: share of the possible points for goals | Pairs",
            ("25%", "", "25 of 100 points in the mean; 0 of 12 pairs got half or more"),
        ),
        (
            "Fit: answered 4 or 5 to “How satisfied?” with half or more of the points for goals | Everyone",
            ("–", 0, "too few answers to show"),
        ),
        (
            "Fit: answered 4 or 5 to “How satisfied?” with less than half of the points for goals | Everyone",
            ("80%", 20, "16 of 20; 95% interval 58% to 92% (Wilson)"),
        ),
    ]


def test_the_tab_does_not_give_few_answers_away_by_the_others() -> None:
    rows = list_new_rows(
        make_year(5, 5), fit=describe_fit("How satisfied?", pairs((5, 0.9, (5,)), (4, 0.1, (1,))), WEIGHTS)
    )
    shown = {
        str(key).partition("” with ")[2]: cells[0]
        for key, cells in rows.items()
        if "points for topics | Everyone" in str(key)
    }
    assert shown == {
        "half or more of the points for topics | Everyone": "–",
        "less than half of the points for topics | Everyone": "–",
    }


def test_few_pairs_give_the_tab_their_number_alone() -> None:
    fit = describe_fit("How satisfied?", pairs((4, 0.5, (4, 4))), WEIGHTS)
    assert list_new_rows(make_year(5, 5), fit=fit) == {
        "Fit: pairs whose points are known | Pairs": (4, "", write_fit(fit)[0])
    }
