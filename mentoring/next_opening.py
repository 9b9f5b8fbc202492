"""The next cohort as the committee starts it: one day on the `Program` tab, and nobody else has to do anything.

Until that day has come, the committee may move it or take it back; from then on the cohort stays, and is steered by the
tab like any other. Belongs here: what is opened, and what the tab says of it. Does not belong here: which days are good
ones (`mentoring.steering`), and how a year becomes the next one (`mentoring.next_year`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mentoring.calendar import name_day
from mentoring.changes import Change, OpenCohort, TakeBackCohort
from mentoring.desk import Cell
from mentoring.next_year import find_later_cohort, name_next_cohort, shift_cohort
from mentoring.program import CohortSettings, Program
from mentoring.steering import NEXT_COHORT, Steering


def open_next_cohort(steering: Steering, cohort_id: str, opened: Mapping[str, str]) -> Steering:
    """The same steering with the cohort after `cohort_id`, which is under way, as its settings in force want it.

    `opened` are the cohorts that were opened on the tab before, each with the one that it follows. Where program.yaml
    has a later cohort, that one follows.
    """
    planned = [name for name, follows in opened.items() if follows == cohort_id]
    kept = {name: item for name, item in steering.program.cohorts.items() if name not in planned}
    program = steering.program.model_copy(update={"cohorts": kept})
    later = find_later_cohort(program, cohort_id)
    wanted: dict[str, CohortSettings] = {}
    said: dict[str, Cell] = {}
    if later:
        said = _describe_later(later, program.cohorts[later], steering.settings)
    elif steering.settings.next_cohort_opens:
        name = name_next_cohort(program, cohort_id)
        wanted[name] = shift_cohort(steering.settings)
        said = _describe_plan(name, wanted[name])
    return replace(
        steering,
        program=program.model_copy(update={"cohorts": kept | wanted}),
        changes=(*steering.changes, *_list_changes(steering.program, planned, wanted)),
        rows=[_add_words(row, said) if row["Setting"] == NEXT_COHORT else row for row in steering.rows],
    )


def _add_words(row: Mapping[str, Cell], said: Mapping[str, Cell]) -> dict[str, Cell]:
    # What is wrong with the cell itself is said first.
    return {**row, **said, **({"Problem": row["Problem"]} if row["Problem"] else {})}


def _list_changes(
    before: Program, planned: Sequence[str], wanted: Mapping[str, CohortSettings]
) -> tuple[Change, ...]:
    taken_back = [TakeBackCohort(name) for name in planned if name not in wanted]
    changed = [(name, item) for name, item in wanted.items() if before.cohorts.get(name) != item]
    return (*taken_back, *(OpenCohort(name, item.model_dump_json()) for name, item in changed))


def _describe_plan(name: str, settings: CohortSettings) -> dict[str, Cell]:
    return {
        "What it means": f"Cohort {name} starts by itself on {name_day(settings.applications_open)}, with the settings "
        f"of this one: applications until {name_day(settings.applications_close)}, introductions from "
        f"{name_day(settings.starts)}, evaluation until {name_day(settings.evaluation_due)}, end "
        f"{name_day(settings.ends)}. Until then change or empty the day here; once it is under way, change its days on "
        "this tab."
    }


def _describe_later(later: str, item: CohortSettings, settings: CohortSettings) -> dict[str, Cell]:
    opens = item.applications_open
    follows = f"cohort {later} follows on {name_day(opens)} by program.yaml"
    said: dict[str, Cell] = {
        "What it means": f"{follows[0].upper()}{follows[1:]}, where your operator changes its days.",
        "In force": str(opens),
    }
    if settings.next_cohort_opens:
        said["Problem"] = f"“{settings.next_cohort_opens}” counts for nothing: {follows}; empty the cell."
    return said
