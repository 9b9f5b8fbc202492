"""Rough years with many seeds: whatever goes wrong, every promise and every invariant holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployments.program_folders import SAMPLE
from deployments.rehearsal import Rehearsal, rehearse, write_outcome

ROUGH = Rehearsal(people=4, trouble="rough", is_short=True)
SEEDS = 200
#: What .ci/run plays of them; each takes some seconds.
USUAL = 24


@pytest.mark.long
@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=[pytest.mark.night] if seed > USUAL else []) for seed in range(1, SEEDS + 1)],
)
def test_a_rough_year_keeps_every_promise(seed: int) -> None:
    outcome = rehearse(replace(ROUGH, seed=seed), SAMPLE)
    # The last line is the command that plays the same year again.
    assert not outcome.broken, "\n".join(write_outcome(outcome))


@pytest.mark.long
def test_two_years_in_a_row_keep_every_promise() -> None:
    outcome = rehearse(replace(ROUGH, seed=1, years=2), SAMPLE)
    assert not outcome.broken, "\n".join(write_outcome(outcome))
    assert [line for line in outcome.lines if line.startswith("Year ")] == ["Year 2027", "Year 2028"]
