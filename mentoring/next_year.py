"""The next cohort from this one's settings: the same days a year later, its id counted on.

Belongs here: ids, dates (also those of a year made short for a rehearsal) and the new lines of program.yaml as text.
Does not belong here: files and people, and what the committee's tab says of it (`mentoring.next_opening`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import yaml

from mentoring.calendar import add_months
from mentoring.program import CohortSettings, Program

_GRACE = timedelta(days=7)


def name_next_cohort(program: Program, cohort_id: str) -> str:
    """The id of the cohort after `cohort_id`: its last number counted on by one, or “-2” at the end.

    Never one that is taken.
    """
    found = re.search(r"(\d+)(\D*)\Z", cohort_id)
    number = int(found[1]) + 1 if found else 2
    head, tail = (cohort_id[: found.start()], found[2]) if found else (f"{cohort_id}-", "")
    width = len(found[1]) if found else 1
    while (name := f"{head}{number:0{width}d}{tail}") in program.cohorts:
        number += 1
    return name


def shift_cohort(settings: CohortSettings) -> CohortSettings:
    """The same settings with every day a year later; 29 February becomes the 28th.

    Where they say when the next cohort opens, every day is moved along with that one.
    """
    following = _change_days(settings, lambda day: add_months(day, 12))
    opens = settings.next_cohort_opens or following.applications_open
    return _change_days(following, lambda day: day + (opens - following.applications_open))


def _change_days(settings: CohortSettings, change: Callable[[date], date]) -> CohortSettings:
    # Which cohort comes after the next one is decided in its time.
    values = settings.model_dump(exclude={"next_cohort_opens"})
    return CohortSettings.model_validate(
        {name: change(value) if isinstance(value, date) else value for name, value in values.items()}
    )


def shorten_cohort(settings: CohortSettings) -> CohortSettings:
    """The same cohort with two weeks to apply, ten weeks of mentoring and two weeks to evaluate."""
    opens = settings.applications_open
    days = {
        "applications_close": 14,
        "starts": 21,
        "evaluation_opens": 84,
        "ends": 91,
        "evaluation_due": 98,
    }
    return settings.model_copy(update={name: opens + timedelta(days=n) for name, n in days.items()})


def find_out_of_reach(text: str, today: date) -> str:
    """Why nobody would mean this for the day on which the next cohort opens; nothing if it is no day, or a good one.

    Some days ago is taken: the software may have stood still since.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return ""
    if day < today - _GRACE:
        return "it is more than a week past; write today's day or a later one."
    if day > add_months(today, 24):
        return "it is more than two years ahead; write an earlier day."
    return ""


def find_later_cohort(program: Program, cohort_id: str) -> str | None:
    """The first cohort that opens after `cohort_id` does, if there is one."""
    opens = program.cohorts[cohort_id].applications_open
    later = {name: item.applications_open for name, item in program.cohorts.items()}
    return min((name for name in later if later[name] > opens), key=lambda name: later[name], default=None)


def write_next_cohort(text: str, cohort_id: str, name: str, settings: CohortSettings) -> str | None:
    """The text of program.yaml with a block for the cohort `name` after the last one; everything else stays as it is.

    The block is `cohort_id`'s with its remarks and its order, and the values of `settings`. None where the cohorts are
    not written as blocks of lines, one value a line.
    """
    cohorts = _find_cohorts(text)
    found = next((pair for pair in cohorts if pair[0].value == cohort_id), None)
    if found is None or any(not _is_block(text, *pair) for pair in cohorts):
        return None
    ends_of_line = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    last = max(_last_line(block) for _, block in cohorts)
    if not lines[last].endswith("\n"):
        lines[last] += ends_of_line
    new = [line.rstrip("\r\n") + ends_of_line for line in _copy_block(lines, *found, name, settings)]
    return "".join([*lines[: last + 1], *new, *lines[last + 1 :]])


def _find_cohorts(text: str) -> list[tuple[yaml.ScalarNode, yaml.MappingNode]]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode), "program.yaml was read before"
    block = next(value for key, value in root.value if key.value == "cohorts")
    return list(block.value)


def _is_block(text: str, key: yaml.ScalarNode, block: yaml.MappingNode) -> bool:
    """Whether the cohort has a line for itself and one for each of its values, and nothing is taken from elsewhere."""
    if not isinstance(block, yaml.MappingNode) or block.flow_style:
        return False
    rest_of_line = text[key.end_mark.index :].partition("\n")[0]
    starts = [key.start_mark.line, *(item.start_mark.line for item, _ in block.value)]
    is_plain = all(
        isinstance(value, yaml.ScalarNode)
        and value.start_mark.line == value.end_mark.line == item.start_mark.line
        for item, value in block.value
    )
    has_own_line = re.fullmatch(r"\s*:\s*(#.*)?", rest_of_line)
    return is_plain and has_own_line is not None and len(set(starts)) == len(starts)


def _last_line(block: yaml.MappingNode) -> int:
    return max(int(value.end_mark.line) for _, value in block.value)


def _copy_block(
    lines: list[str], key: yaml.ScalarNode, block: yaml.MappingNode, name: str, settings: CohortSettings
) -> Iterator[str]:
    values = {field: _spell(value) for field, value in settings.model_dump().items()}
    fields = {item.start_mark.line: (item.value, value) for item, value in block.value}
    for number in range(key.start_mark.line, _last_line(block) + 1):
        line = lines[number]
        if number == key.start_mark.line:
            yield _replace_words(line, key, json.dumps(name, ensure_ascii=False))
        elif number in fields:
            field, value = fields[number]
            yield _replace_words(line, value, values.pop(field))
        else:
            yield line
    indent = " " * block.value[0][0].start_mark.column
    defaults = {field: _spell(info.default) for field, info in CohortSettings.model_fields.items()}
    for field, spelled in values.items():
        if spelled != defaults[field]:
            yield f"{indent}{field}: {spelled}"


def _replace_words(line: str, node: yaml.ScalarNode, words: str) -> str:
    return line[: node.start_mark.column] + words + line[node.end_mark.column :]


def _spell(value: object) -> str:
    if value is None:
        return "null"
    return value.isoformat() if isinstance(value, date) else str(value)
