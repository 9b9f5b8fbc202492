"""The `Program` tab: settings that the committee changes, and a problem in words beside a bad value.

Belongs here: which settings the tab shows, and which values are in force. The last good value stays in force
until a better one is written or the cell is emptied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from mentoring.cell_text import fold_text
from mentoring.changes import Change, DropSetting, PutSetting
from mentoring.desk import Cell
from mentoring.next_year import find_out_of_reach
from mentoring.policy import ExperienceGap, Policy, Weights
from mentoring.program import CohortSettings, Program, describe_mend

_RULES = (
    "same_institution_allowed",
    "shared_channel_required",
    "shared_language_required",
    "experience_gap_required",
)
#: The setting by which the committee starts the next cohort.
NEXT_COHORT = "Next cohort opens"


@dataclass(frozen=True)
class Setting:
    """One row of the tab: the words for it, where its value lives, and what it means."""

    words: str
    path: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class Steering:
    """Settings in force, what to store so that they stay so, and the rows of the tab.

    `program` is the one whose cohorts they are about, with the next cohort as it is planned.
    """

    program: Program
    settings: CohortSettings
    policy: Policy
    changes: Sequence[Change]
    rows: Sequence[Mapping[str, Cell]]


@cache
def list_settings() -> Sequence[Setting]:
    """Every setting of the tab, in its order: dates first, then the weights and rules of matching."""
    dates = [_describe(("settings", name), name, info) for name, info in CohortSettings.model_fields.items()]
    weights = [
        _describe(("policy", "weights", name), f"weight of {name}", info)
        for name, info in Weights.model_fields.items()
    ]
    rules = [
        _describe(("policy", name), name, info)
        for name, info in Policy.model_fields.items()
        if name in (*_RULES, "floor")
    ]
    gap = [
        _describe(("policy", "experience_gap", name), f"{name} experience gap", info)
        for name, info in ExperienceGap.model_fields.items()
    ]
    return dates + weights + rules + gap


def _describe(path: tuple[str, ...], words: str, info: FieldInfo) -> Setting:
    return Setting(words.replace("_", " ").capitalize(), path, info.description or "")


def put_in_force(
    program: Program, cohort_id: str, values: Mapping[str, str]
) -> tuple[CohortSettings, Policy]:
    """The settings that the cohort began with, and `values` (setting's words → text) on top.

    Raises ValueError if they don't fit.
    """
    settings, policy = _fill_in(program, cohort_id, values)
    return CohortSettings.model_validate(settings), Policy.model_validate(policy)


def _fill_in(
    program: Program, cohort_id: str, values: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    settings, policy = program.cohorts[cohort_id].model_dump(), program.policy.model_dump()
    data = {"settings": settings, "policy": policy}
    for setting in list_settings():
        if setting.words in values:
            _put(data, setting.path, _read_value(values[setting.words]))
    return settings, policy


def _put(data: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def _read_value(text: str) -> str:
    # A cell that was typed as a day comes back with the time of midnight.
    return fold_text(text).removesuffix(" 00:00:00")


def steer_cohort(
    program: Program,
    cohort_id: str,
    stored: Mapping[str, str],
    tab: Sequence[Mapping[str, str]],
    elsewhere: Collection[tuple[str, str]] = (),
    today: date | None = None,
) -> Steering:
    """Decide which of the values on the tab come into force.

    `stored` are the values in force from earlier runs, `tab` the rows as read. All new values are tried
    together first (two dates may only fit each other), then without those that can't be read, then one by
    one, so that one bad value never holds up the others. A day that another cohort has in force (`elsewhere`, as words
    and text) stands on the tab from that year, and is not this one's. On `today` a new day for the next cohort must be
    within reach.
    """
    known = {item.words for item in list_settings()}
    written, doubled = _read_tab(tab, known)
    fresh = {words: text for words, text in written.items() if stored.get(words) != text}
    held_back = _find_left_over(fresh, elsewhere) | _find_out_of_reach(fresh, today)
    written = {words: text for words, text in written.items() if words not in held_back}
    asked = {words: text for words, text in written.items() if text}
    cleared = {words for words, text in written.items() if not text}
    # A setting that was renamed, or no longer fits an edited program.yaml, must not keep the program from running.
    kept, problems = _add_what_fits(
        program, cohort_id, {}, {words: text for words, text in stored.items() if words in known}
    )
    without = {words: text for words, text in kept.items() if words not in cleared}
    if not _find_problems(program, cohort_id, without | asked):
        accepted, problems = without | asked, {}
    else:
        kept, uncleared = _clear_what_can_go(program, cohort_id, kept, cleared)
        accepted, refused = _add_what_fits(program, cohort_id, kept, asked)
        problems = (
            {words: text for words, text in problems.items() if words not in asked} | uncleared | refused
        )
    settings, policy = put_in_force(program, cohort_id, accepted)
    rows = _list_rows(settings, policy, problems | doubled | held_back)
    return Steering(program, settings, policy, _list_changes(stored, accepted), rows)


def _find_left_over(fresh: Mapping[str, str], elsewhere: Collection[tuple[str, str]]) -> dict[str, str]:
    days = {name for name, info in CohortSettings.model_fields.items() if info.annotation is not int}
    names = {setting.words for setting in list_settings() if setting.path[-1] in days}
    return {
        words: f"“{text}” is a day of another year; empty the cell, or write this year's."
        for words, text in fresh.items()
        if (words, text) in elsewhere and words in names
    }


def _find_out_of_reach(fresh: Mapping[str, str], today: date | None) -> dict[str, str]:
    text = fresh.get(NEXT_COHORT, "")
    reason = find_out_of_reach(text, today) if today else ""
    return {NEXT_COHORT: f"“{text}” was not taken: {reason}"} if reason else {}


def _read_tab(tab: Sequence[Mapping[str, str]], known: Set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """What is written beside each setting, and a problem for those that are there twice with different values."""
    written: dict[str, str] = {}
    doubled: dict[str, str] = {}
    for row in tab:
        words, text = row.get("Setting", ""), _read_value(row.get("Value", ""))
        if words in known and written.setdefault(words, text) != text:
            doubled[words] = (
                "This setting is on the tab twice with different values; delete one of the two rows."
            )
    return {words: text for words, text in written.items() if words not in doubled}, doubled


def _add_what_fits(
    program: Program, cohort_id: str, base: Mapping[str, str], asked: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """`base` with as many of the values as fit, and a problem for each that does not."""
    found = _find_problems(program, cohort_id, {**base, **asked})
    unreadable = {words: found[words] for words in asked if words in found}
    readable = {words: text for words, text in asked.items() if words not in unreadable}
    if not _find_problems(program, cohort_id, {**base, **readable}):
        accepted, misfits = {**base, **readable}, dict[str, str]()
    else:
        accepted, misfits = _add_one_by_one(program, cohort_id, base, readable)
    problems = unreadable | misfits
    return accepted, {
        words: f"“{asked[words][:40]}” was not taken: {problem}" for words, problem in problems.items()
    }


def _add_one_by_one(
    program: Program, cohort_id: str, base: Mapping[str, str], asked: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    accepted = dict(base)
    misfits = dict(asked)
    fits = True
    while fits:
        # A value may fit only after one further down the tab.
        fits = False
        for words, text in list(misfits.items()):
            if not _find_problems(program, cohort_id, {**accepted, words: text}):
                accepted[words] = misfits.pop(words)
                fits = True
    reasons = {
        words: _find_problems(program, cohort_id, {**accepted, words: asked[words]}) for words in misfits
    }
    return accepted, {words: next(iter(found.values())) for words, found in reasons.items()}


def _clear_what_can_go(
    program: Program, cohort_id: str, kept: Mapping[str, str], cleared: Set[str]
) -> tuple[dict[str, str], dict[str, str]]:
    left, problems = dict(kept), {}
    for words in sorted(cleared & set(kept)):
        without = {key: text for key, text in left.items() if key != words}
        if found := _find_problems(program, cohort_id, without):
            reason = next(iter(found.values()))
            problems[words] = (
                f"Empty, but the value that the cohort began with does not fit the others: {reason}"
            )
        else:
            left = without
    return left, problems


def _find_problems(program: Program, cohort_id: str, values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with values: by the setting if it can't be read, by "" if they don't fit each other."""
    words = {setting.path[-1]: setting.words for setting in list_settings()}
    settings, policy = _fill_in(program, cohort_id, values)
    models: tuple[tuple[type[BaseModel], dict[str, Any]], ...] = (
        (CohortSettings, settings),
        (Policy, policy),
    )
    problems: dict[str, str] = {}
    for model, data in models:
        try:
            model.model_validate(data)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_context=False):
                place = words.get(str(item["loc"][-1]), "") if item["loc"] else ""
                problems[place] = describe_mend(item["type"], item["msg"]).replace("_", " ")
    return problems


def _list_changes(stored: Mapping[str, str], accepted: Mapping[str, str]) -> tuple[Change, ...]:
    put = [PutSetting(words, text) for words, text in accepted.items() if stored.get(words) != text]
    drop = [DropSetting(words) for words in stored if words not in accepted]
    return (*put, *drop)


def _list_rows(
    settings: CohortSettings, policy: Policy, problems: Mapping[str, str]
) -> list[dict[str, Cell]]:
    data = {"settings": settings.model_dump(), "policy": policy.model_dump()}
    rows: list[dict[str, Cell]] = []
    for setting in list_settings():
        value: Any = data
        for step in setting.path:
            value = value[step]
        rows.append(
            {
                "Setting": setting.words,
                "What it means": setting.meaning,
                "In force": spell_value(value),
                "Problem": problems.get(setting.words, ""),
            }
        )
    return rows


def spell_value(value: object) -> str:
    """A setting's value in words, as the tab shows it."""
    if value is None:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
