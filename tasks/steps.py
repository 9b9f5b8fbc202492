"""The steps of the flows as Prefect tasks: what the operator sees, and where a failed run stops.

Every step is safe to run again: it reads the truth from the database, and changes it in one transaction. So nothing is
cached or persisted (results would hold personal data), and Prefect never retries a step by itself: mail included, the
next run finishes what is left. Belongs here: names of tasks and what a run leaves on its page. Does not belong here:
any work.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from mentoring import (
    check_ins,
    completion,
    confirmations,
    digest,
    intake,
    introductions,
    monthly_topics,
    outbox,
    proposals,
    requests,
)
from mentoring.changes import Plan
from mentoring.cohort import Cohort
from mentoring.decisions import Rows
from mentoring.errors import PlainError
from tasks import (
    certificates,
    desk,
    erasure,
    handover_pages,
    ledger,
    notices,
    reports,
    review_pages,
    run_pages,
    runs,
)
from tasks import outbox as delivery
from tasks.collector import collector_at_rest
from tasks.delivery_marks import DeliveryCounts
from tasks.runs import Run, RunReport
from tasks.scoring_cluster import open_workers
from tasks.stage import find_stage

P = ParamSpec("P")
T = TypeVar("T")
#: Folders of the program's own code.
_OURS = ("tasks", "mentoring", "matching", "evaluation")


class _Call:
    """A step with its arguments, opaque to Prefect.

    Prefect walks through every argument of a task in search of other tasks' results: through a whole cohort, several
    times a step, half of a run's time. Nor has it any business in people's applications.
    """

    def __init__(self, run: Callable[[], Any], cohort_id: str) -> None:
        self.run, self.cohort_id = run, cohort_id


class UnexpectedError(Exception):
    """A step failed in a way that nobody foresaw: where, and what kind of error; never the error's own text."""

    def __init__(self, step: str, error: Exception) -> None:
        frames = [
            f"{Path(frame.filename).stem}.{frame.name} line {frame.lineno}"
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).parent.name in _OURS and frame.filename != __file__
        ]
        where = " > ".join(frames) or "no place of the program"
        super().__init__(
            f"“{step}” failed unexpectedly with {type(error).__name__} at {where}. Retry is safe; if it fails again, "
            "report this sentence to whoever maintains the program."
        )


def _step(name: str) -> Callable[[Callable[Concatenate[Run, P], T]], Callable[Concatenate[Run, P], T]]:
    @task(
        name=name,
        task_run_name=f"{name}, {{call.cohort_id}}",
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=0,
    )
    def take_step(call: _Call) -> Any:
        try:
            return call.run()
        except PlainError:
            raise
        except Exception as error:  # noqa: BLE001 – told again, without its words
            # Its text may quote an answer or an address, and Prefect keeps every word.
            raise UnexpectedError(name, error) from None

    def decorate(function: Callable[Concatenate[Run, P], T]) -> Callable[Concatenate[Run, P], T]:
        @wraps(function)
        def step(run: Run, /, *args: P.args, **kwargs: P.kwargs) -> T:
            if find_stage():
                return function(run, *args, **kwargs)
            return cast("T", take_step(_Call(lambda: function(run, *args, **kwargs), run.cohort_id)))

        return step

    return decorate


def _plan_proposals(run: Run, cohort: Cohort, match_rows: Rows, rule_rows: Rows) -> Plan:
    from mentoring.matching import find_matches

    with open_workers(run.settings.dask) as workers:
        find = partial(find_matches, workers=workers)
        if not find_stage():
            find = partial(find, report=run_pages.follow_matching(run))
        return proposals.plan_proposals(cohort, match_rows, rule_rows, run.now, find)


# Events follow the step that they tell of: should a later one fail, the next run has nothing to tell any more.


def _apply_plan(run: Run, cohort: Cohort, plan: Plan) -> None:
    ledger.apply_plan(run, cohort, plan)
    if not find_stage():
        notices.emit_events(run, notices.count_changes(plan))


def _deliver_due_messages(run: Run) -> DeliveryCounts:
    if find_stage():
        return delivery.deliver_due_messages(run)
    sent = delivery.deliver_due_messages(run, watch=run_pages.follow_progress(run, "messages handed over"))
    notices.emit_events(run, notices.count_messages(sent))
    return sent


def _anonymise_cohort(run: Run, people: int) -> tuple[str, ...]:
    told = erasure.anonymise_cohort(run)
    if people and not find_stage():
        notices.emit_events(run, {notices.PURGE_EVENT: people})
    return told


gather_desk = _step("read the desk")(desk.gather_desk)
read_answers = _step("read and check the forms")(desk.read_answers)
plan_proposals = _step("find the best matches")(_plan_proposals)
write_desk = _step("write the desk")(desk.write_desk)
apply_plan = _step("apply the decisions")(_apply_plan)
deliver_due_messages = _step("deliver due messages")(_deliver_due_messages)
compile_report = _step("compile the evaluation")(reports.compile_report)
anonymise_cohort = _step("remove personal data")(_anonymise_cohort)
remove_mail_files = _step("remove rendered mail")(erasure.remove_mail_files)


# A task costs more than the work of what follows; these stay plain calls inside the flow.

open_run = runs.open_run
reload_desk = desk.reload_desk
write_review = review_pages.write_review
remove_review = review_pages.remove_review
list_intake_forms = confirmations.list_intake_forms
write_handover = handover_pages.write_handover
plan_intake = collector_at_rest()(intake.plan_intake)
plan_introductions = introductions.plan_introductions
plan_monthly_topics = monthly_topics.plan_monthly_topics
plan_check_ins = check_ins.plan_check_ins
plan_requests = requests.plan_requests
plan_completion = partial(completion.plan_completion, can_certify=certificates.can_write_certificate)
plan_message_decisions = outbox.plan_message_decisions
add_digest = digest.add_digest
list_leavers = erasure.list_leavers
list_cohorts_to_purge = erasure.list_cohorts_to_purge
tell_operator = notices.tell_operator


def report_run(
    run: Run, plans: Sequence[Plan], sent: dict[str, int], problems: Sequence[str] = ()
) -> RunReport:
    """Leave a short page for the operator: figures, and what waits for whom. References and counts only."""
    counts = {key: value for plan in plans for key, value in plan.counts.items()}
    counts |= {f"messages {outcome}": count for outcome, count in sent.items() if count}
    planned = (line for plan in plans for line in plan.waiting)
    # What a delivery has to tell is there only if one took place.
    waiting = tuple(dict.fromkeys((*problems, *planned, *getattr(sent, "waiting", ()))))
    report = RunReport(run.flow, run.cohort_id, run.now, run.dry_run, counts, waiting, tuple(plans))
    if find_stage():
        return report
    get_run_logger().info("%s: %s", "Would do" if run.dry_run else "Done", report.describe_counts())
    run_pages.show_report(run.settings, report)
    return report
