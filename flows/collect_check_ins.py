"""Check-ins: both sides are asked how it goes, and silence reaches the committee."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from tasks import steps
from tasks.runs import RunReport


@flow(name="collect-check-ins", **HABITS)
def collect_check_ins(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Take in answers to check-ins and ask everybody whose check-in is due.

    The first check-in comes some days after the introduction, then one follows every month.
    """
    run = steps.open_run("collect-check-ins", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    [answers] = steps.read_answers(run, "check_in")
    plan = steps.plan_check_ins(desk.cohort, answers, run.now)
    sent: dict[str, int] = {}
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        sent = steps.deliver_due_messages(run)
        steps.write_desk(run, desk)
    return steps.report_run(run, [plan], sent, desk.problems)
