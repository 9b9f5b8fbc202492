"""The next cohort: its id counted on, its days a year later."""

from datetime import date

import pytest

from deployments.program_folders import SAMPLE
from mentoring.next_year import name_next_cohort, shift_cohort, shorten_cohort
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
