"""The part that two flows share: proposals made anew from the desk as it stands."""

from mentoring.changes import Plan
from tasks import steps
from tasks.desk import Desk
from tasks.runs import Run


def update_proposals(run: Run, desk: Desk) -> Plan:
    """Record decisions, find the best proposals for everybody who is free, and show them on the desk."""
    plan = steps.plan_proposals(run, desk.cohort, desk.read_rows("Matches"), desk.read_rows("Rules"))
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        steps.write_desk(run, desk, plan.updates)
        steps.write_review(run, steps.reload_desk(run, desk).cohort, plan)
    return plan
