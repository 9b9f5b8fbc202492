"""Runs that stop halfway: whatever a run was doing, the same run again finishes it, and nothing happens twice."""

from collections import Counter
from datetime import date, datetime

import pytest

from deployments.demo import DemoYear
from flows import load_flow
from tasks import steps


class StoppedError(RuntimeError):
    """What the test throws into a run."""


STEPS = ("gather_desk", "apply_plan", "deliver_due_messages", "write_desk", "report_run")


@pytest.fixture(scope="module")
def introduced(tmp_path_factory):
    """A program folder on the morning of the introductions, everything approved."""
    year = DemoYear(tmp_path_factory.mktemp("interrupted") / "program", tell=lambda line: None)
    year.people.set_up_desk()
    for day in year._list_days():
        if day < date(2027, 3, 1):
            year._live_day(day)
    morning = datetime(2027, 3, 1, 14, tzinfo=year.program.zone)
    year.people.decide_on_proposals(morning)
    return year, morning


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_introduction_is_finished_by_the_next_run(
    introduced, tmp_path, monkeypatch, step, after
):
    import shutil

    year, morning = introduced
    folder = tmp_path / "program"
    shutil.copytree(year.folder, folder)
    monkeypatch.setenv("MENTORING_PROGRAM", str(folder))
    real = getattr(steps, step)

    def stop(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise StoppedError("stopped by the test")

    flow = load_flow("introduce-matches")
    monkeypatch.setattr(steps, step, stop)
    with pytest.raises(StoppedError):
        flow(as_of=morning)
    monkeypatch.setattr(steps, step, real)
    flow(as_of=morning)
    afternoon = morning.replace(hour=17)
    load_flow("deliver-messages")(as_of=afternoon)

    mails = Counter(
        path.name.split("-", 4)[3].removesuffix(".eml") for path in (folder / "mail").glob("2027-03-01*")
    )
    introductions = {kind: count for kind, count in mails.items() if kind.startswith("introduction")}
    assert introductions == {"introduction_mentor": 21, "introduction_mentee": 21}


def test_a_run_that_met_another_one_says_so_in_plain_words(run):
    """Two flows may plan the same change at the same time; who comes second has nothing to report to anybody."""
    from prefect import flow

    from mentoring.changes import ApproveMatch, Plan
    from tasks.database import ChangedMeanwhileError

    @flow(name="second-of-two")
    def come_second():
        steps.apply_plan(run, None, Plan((ApproveMatch("2027-match-001", "Ann"),)))

    with pytest.raises(ChangedMeanwhileError) as told:
        come_second()
    assert str(told.value) == "“approve_match” found its row changed by another run; run again."
