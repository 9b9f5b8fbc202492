"""Evaluation: both sides are asked at the end, matches are completed, the board gets its report."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from tasks import steps
from tasks.runs import RunReport


@flow(name="compile-evaluations", **HABITS)
def compile_evaluations(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Invite and remind, take in evaluations, and compile the figures and the board's report.

    After the last day of the year, the matches are completed and everybody is thanked.
    """
    run = steps.open_run("compile-evaluations", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    [answers] = steps.read_answers(run, "evaluation")
    plan = steps.plan_completion(desk.cohort, answers, run.now)
    sent: dict[str, int] = {}
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        sent = steps.deliver_due_messages(run)
        current = steps.reload_desk(run, desk)
        steps.write_desk(run, desk, steps.compile_report(run, current))
        steps.write_handover(run, current)
    return steps.report_run(run, [plan], sent, desk.problems)
