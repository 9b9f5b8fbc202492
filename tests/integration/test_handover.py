"""The handover from a real database: what was decided and why outlives the people's data."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime

from small_cohort import SmallCohort

from mentoring.changes import EndMatch
from mentoring.steering import steer_cohort
from tasks.desk import Desk
from tasks.erasure import erase_people
from tasks.handover_pages import find_handover, write_handover
from tasks.runs import Run

WORDS = {"criteria": {"topics": 300, "goals": 70}, "reasons": ["Ana Ortiz wants to talk about licences."]}
DONE = datetime(2027, 12, 12, 15, tzinfo=UTC)


def make_desk(cohort: SmallCohort) -> Desk:
    steering = steer_cohort(cohort.run.settings.program, cohort.run.cohort_id, {}, [])
    return Desk({}, steering, cohort.read())


def write(cohort: SmallCohort, run: Run) -> str:
    path = write_handover(run, make_desk(cohort))
    assert path == find_handover(run.settings.folder, run.cohort_id)
    return path.read_text(encoding="utf-8")


def test_decisions_and_their_reasons_stay_when_everybody_is_erased(run: Run) -> None:
    cohort = SmallCohort(run)
    cohort.apply(EndMatch(cohort.introduce(explanation=WORDS), "completed"))
    later = replace(run, now=DONE)
    before = write(cohort, later)
    assert "100 points: topics 300, goals 70" in before
    assert "approved by the committee" in before
    assert "completed the year" in before
    assert "Ana Ortiz" not in before
    assert "@example.org" not in before.replace(run.settings.program.committee_address, "")
    erase_people(later, sorted(cohort.read().people))
    assert write(cohort, later) == before


def test_before_the_cohort_starts_there_is_nothing_to_hand_over(run: Run) -> None:
    early = replace(run, now=datetime(2027, 2, 1, tzinfo=UTC))
    assert write_handover(early, make_desk(SmallCohort(early))) is None
    assert not find_handover(run.settings.folder, run.cohort_id).exists()


def test_the_page_is_its_owners_alone(run: Run) -> None:
    write(SmallCohort(run), replace(run, now=DONE))
    assert stat.S_IMODE(find_handover(run.settings.folder, run.cohort_id).stat().st_mode) == 0o600
