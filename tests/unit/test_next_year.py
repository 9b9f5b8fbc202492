"""The next cohort: its id counted on, its days a year later."""

from datetime import date

import pytest

from deployments.program_folders import SAMPLE
from mentoring.next_year import (
    find_later_cohort,
    name_next_cohort,
    shift_cohort,
    shorten_cohort,
    write_next_cohort,
)
from tasks.settings import read_program

PROGRAM = read_program(SAMPLE / "program.yaml")


@pytest.mark.parametrize(
    ("cohort_id", "following"),
    [
        ("2027", "2028"),
        ("spring-2027", "spring-2028"),
        ("2027-b", "2028-b"),
        ("pilot", "pilot-2"),
        ("2026", "2028"),
        ("09", "10"),
    ],
)
def test_the_id_is_counted_on_and_never_taken(cohort_id: str, following: str) -> None:
    assert name_next_cohort(PROGRAM, cohort_id) == following


def test_every_day_is_a_year_later_and_the_rest_stays() -> None:
    before = PROGRAM.cohorts["2027"].model_copy(update={"applications_open": date(2028, 2, 29)})
    after = shift_cohort(
        before.model_copy(
            update={
                "applications_close": date(2028, 3, 1),
                "starts": date(2028, 3, 2),
                "ends": date(2028, 11, 30),
                "evaluation_opens": date(2028, 11, 15),
                "evaluation_due": date(2028, 12, 10),
            }
        )
    )
    assert after.applications_open == date(2029, 2, 28)
    assert after.ends == date(2029, 11, 30)
    assert after.retention_months == before.retention_months


def test_a_short_year_has_its_days_in_order() -> None:
    short = shorten_cohort(PROGRAM.cohorts["2027"])
    assert type(short).model_validate(short.model_dump()) == short
    assert (short.evaluation_due - short.applications_open).days == 98


def test_without_a_name_the_cohort_under_way_is_meant() -> None:
    both = PROGRAM.model_copy(
        update={"cohorts": {**PROGRAM.cohorts, "2028": shift_cohort(PROGRAM.cohorts["2027"])}}
    )
    days = {"2026-12-01": "2027", "2027-01-11": "2027", "2028-01-10": "2027", "2028-01-11": "2028"}
    assert {day: both.require_cohort(None, date.fromisoformat(day)) for day in days} == days
    assert both.require_cohort(None) == "2028"


BLOCK = """\
cohorts:
  # the first of all
  2027:   # a good year
    starts: 2027-03-01  # a Monday
    # by the board
    ends: '2027-11-30'
    evaluation_opens: 2027-11-15
    evaluation_due: 2027-12-10
    applications_open: 2027-01-11
    applications_close: 2027-02-12

policy: {}"""


def test_remarks_order_and_quotation_marks_stay() -> None:
    changed = shift_cohort(PROGRAM.cohorts["2027"]).model_copy(update={"topics_day": 5})
    text = write_next_cohort(BLOCK, "2027", "2028", changed)
    assert text is not None
    head, tail = BLOCK.split("\n\n")
    assert text.startswith(
        f'{head}\n  "2028":   # a good year\n    starts: 2028-03-01  # a Monday\n    # by the board\n'
    )
    assert text.endswith(f"    applications_close: 2028-02-12\n    topics_day: 5\n\n{tail}")


@pytest.mark.parametrize(
    "block",
    [
        "{2027: {starts: 2027-03-01}}",
        "\n  2027: {starts: 2027-03-01}",
        "\n  2027: &year\n    starts: 2027-03-01",
        "\n  2027:\n    starts:\n      2027-03-01",
    ],
)
def test_what_is_no_plain_block_is_left_to_a_person(block: str) -> None:
    assert write_next_cohort(f"cohorts: {block}\n", "2027", "2028", PROGRAM.cohorts["2027"]) is None


def test_a_file_with_windows_lines_keeps_them() -> None:
    text = write_next_cohort(
        BLOCK.replace("\n", "\r\n"), "2027", "2028", shift_cohort(PROGRAM.cohorts["2027"])
    )
    assert text is not None
    assert text.count("\n") == text.count("\r\n") == BLOCK.count("\n") + 8


def test_the_cohort_after_this_one_is_found() -> None:
    assert find_later_cohort(PROGRAM, "2027") is None
    later = {
        "2029": shift_cohort(shift_cohort(PROGRAM.cohorts["2027"])),
        "2028": shift_cohort(PROGRAM.cohorts["2027"]),
    }
    both = PROGRAM.model_copy(update={"cohorts": {**PROGRAM.cohorts, **later}})
    assert find_later_cohort(both, "2027") == "2028"
