"""Lives of a cohort, drawn at random: a few in the usual run, many in the long one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proof.lives import CohortLife


def live(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        CohortLife,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < 20,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_cohort_lives_as_promised() -> None:
    live(examples=5, steps=18)


@pytest.mark.long
@pytest.mark.night
@pytest.mark.timeout(3600)
def test_many_cohorts_live_as_promised() -> None:
    live(examples=100, steps=40)
