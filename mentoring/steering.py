"""The `Program` tab: settings that the committee changes, and a problem in words beside a bad value.

Belongs here: which settings the tab shows, and which values are in force. The last good value stays in force
until a better one is written or the cell is emptied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from mentoring.changes import Change, DropSetting, PutSetting
from mentoring.desk import Cell
from mentoring.policy import ExperienceGap, Policy, Weights
from mentoring.program import CohortSettings, Program

_RULES = (
    "same_institution_allowed",
    "shared_channel_required",
    "shared_language_required",
    "experience_gap_required",
)


@dataclass(frozen=True)
class Setting:
    """One row of the tab: the words for it, where its value lives, and what it means."""

    words: str
    path: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class Steering:
    """Settings in force, what to store so that they stay so, and the rows of the tab."""

    settings: CohortSettings
    policy: Policy
    changes: Sequence[Change]
    rows: Sequence[Mapping[str, Cell]]


def list_settings() -> list[Setting]:
    """Every setting of the tab, in its order: dates first, then the weights and rules of matching."""
    dates = [_describe((name,), name, info) for name, info in CohortSettings.model_fields.items()]
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
    """The settings of program.yaml with `values` (setting's words → text) on top.

    Raises ValueError if they don't fit.
    """
    data: dict[str, Any] = program.cohorts[cohort_id].model_dump() | {"policy": program.policy.model_dump()}
    for setting in list_settings():
        if setting.words in values:
            _put(data, setting.path, _read_value(values[setting.words]))
    policy = data.pop("policy")
    return CohortSettings.model_validate(data), Policy.model_validate(policy)


def _put(data: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def _read_value(text: str) -> str:
    # A cell that was typed as a day comes back with the time of midnight.
    return text.strip().removesuffix(" 00:00:00")


def steer_cohort(
    program: Program, cohort_id: str, stored: Mapping[str, str], tab: Sequence[Mapping[str, str]]
) -> Steering:
    """Decide which of the values on the tab come into force.

    `stored` are the values in force from earlier runs, `tab` the rows as read. All new values are tried
    together first (two dates may only fit each other), then one by one, so that one bad value never holds up
    the others.
    """
    wanted = {row["Setting"]: _read_value(row["Value"]) for row in tab if row.get("Value", "").strip()}
    # A setting that was renamed in a new release must not keep the program from running.
    accepted = {
        words: text for words, text in stored.items() if words in {item.words for item in list_settings()}
    }
    problems: dict[str, str] = {}
    known = {item.words for item in list_settings()}
    cleared = {
        row["Setting"] for row in tab if row.get("Setting") in known and not row.get("Value", "").strip()
    }
    asked = {words: text for words, text in wanted.items() if words in known}
    everything = {words: text for words, text in accepted.items() if words not in cleared} | asked
    if _find_problem(program, cohort_id, everything) is None:
        accepted = everything
    else:
        for words in sorted(cleared & set(accepted)):
            without = {key: text for key, text in accepted.items() if key != words}
            if (problem := _find_problem(program, cohort_id, without)) is None:
                accepted = without
            else:
                problems[words] = f"Empty, but the value of program.yaml does not fit the others: {problem}"
        for words, text in asked.items():
            if (problem := _find_problem(program, cohort_id, accepted | {words: text})) is None:
                accepted = accepted | {words: text}
            else:
                problems[words] = f"“{text[:40]}” was not taken: {problem}"
    settings, policy = put_in_force(program, cohort_id, accepted)
    return Steering(settings, policy, _list_changes(stored, accepted), _list_rows(settings, policy, problems))


def _find_problem(program: Program, cohort_id: str, values: Mapping[str, str]) -> str | None:
    try:
        put_in_force(program, cohort_id, values)
    except ValidationError as error:
        message = error.errors(include_url=False, include_context=False)[0]["msg"].removeprefix(
            "Value error, "
        )
        return message[:1].lower() + message[1:].rstrip(".") + "."
    return None


def _list_changes(stored: Mapping[str, str], accepted: Mapping[str, str]) -> tuple[Change, ...]:
    put = [PutSetting(words, text) for words, text in accepted.items() if stored.get(words) != text]
    drop = [DropSetting(words) for words in stored if words not in accepted]
    return (*put, *drop)


def _list_rows(
    settings: CohortSettings, policy: Policy, problems: Mapping[str, str]
) -> list[dict[str, Cell]]:
    data = settings.model_dump() | {"policy": policy.model_dump()}
    rows: list[dict[str, Cell]] = []
    for setting in list_settings():
        value: Any = data
        for step in setting.path:
            value = value[step]
        shown = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        rows.append(
            {
                "Setting": setting.words,
                "What it means": setting.meaning,
                "In force": shown,
                "Problem": problems.get(setting.words, ""),
            }
        )
    return rows
