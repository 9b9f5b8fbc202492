"""Validation of form responses by Great Expectations: which rows can be used, what the others must mend.

The rules themselves are the suites in `expectations/`. Belongs here: turning results into faults. Does not belong here:
running the rules (`tasks.validation_engine`), filling the suites in from the program (`tasks.validation_rules`),
reading cells (`mentoring.responses`), and what happens to a response with faults (the flows).
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mentoring import form_fields
from mentoring.addresses import check_address
from mentoring.desk import SheetTab
from mentoring.form_fields import FormName
from mentoring.form_headings import FormColumns, find_columns
from mentoring.program import Program
from mentoring.responses import Response, read_responses
from mentoring.times import list_time_zones
from tasks.validation_engine import run_rules
from tasks.validation_rules import EXPECTATIONS, LONGEST_ANSWER, Rule, load_rules

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_QUOTE = 40


@dataclasses.dataclass(frozen=True)
class Fault:
    """One answer that must be mended: its field, its question on the form, its row, and what to do.

    `mend` is a sentence or two for the applicant and may quote a few words of the answer: not for logs.
    """

    field: str
    question: str
    mend: str
    row: int

    def __repr__(self) -> str:
        """Field and row only: no part of an answer."""
        return f"Fault(field={self.field!r}, row={self.row})"

    def for_committee(self) -> str:
        """The fault as the committee reads it, with the row of the forms spreadsheet."""
        return f"Row {self.row}, “{self.question}”: {self.mend}"


@dataclasses.dataclass(frozen=True)
class SheetCheck:
    """What came of checking one tab.

    With `problems` (sentences), the tab as a whole can't be used and nothing is said about any row:
    `responses` and `faults` are empty, which does not mean that anybody withdrew. Otherwise `responses` are
    all rows in their order, and `faults` has only the rows that can't be accepted, by row number.
    """

    problems: tuple[str, ...] = ()
    responses: tuple[Response, ...] = ()
    faults: Mapping[int, tuple[Fault, ...]] = dataclasses.field(default_factory=dict)


def validate_tab(
    program: Program, form: FormName, tab: SheetTab | None, *, expectations: Path = EXPECTATIONS
) -> SheetCheck:
    """Check one tab of the forms spreadsheet (None if it is missing) against the suites in `expectations`.

    Safe to call from several threads. Raises FileNotFoundError or ValueError if a suite itself is wrong.
    """
    if form in program.forms and tab is None:
        return SheetCheck((_describe_missing_tab(program, form),))
    columns = find_columns(program, form, tab or SheetTab("", ()))
    if columns.problems or tab is None:
        return SheetCheck(tuple(columns.problems))
    responses = read_responses(program, form, tab, columns)
    if not responses:
        return SheetCheck()
    rules = [
        rule
        for rule in load_rules(program, form, expectations)
        if len(responses) >= rule["meta"].get("from_rows", 0)
    ]
    table = _make_table(program, form, responses)
    results = run_rules(rules, table)
    problems = list(_find_sheet_problems(rules, results, tab.name))
    if problems:
        return SheetCheck(tuple(problems))
    return SheetCheck((), tuple(responses), _find_faults(columns, responses, rules, results, table))


def _describe_missing_tab(program: Program, form: FormName) -> str:
    return (
        f"The forms spreadsheet has no tab “{program.forms[form].tab}”. Rename it back, or change its name "
        f"in program.yaml under forms → {form} → tab."
    )


def _make_table(program: Program, form: FormName, responses: Sequence[Response]) -> pd.DataFrame:
    """One line per response, indexed by its row in the sheet; all cells are text, empty ones are None."""
    import pandas as pd

    # Every response of a tab has every field of its form, in the same order.
    rows = (response.answers.values() for response in responses)
    columns: dict[str, Sequence[str]] = dict(zip(responses[0].answers, zip(*rows, strict=True), strict=True))
    columns |= _describe_troubles(program, form, responses, columns)
    # Blank cells must be None for the rules about nulls, and the index must have no name: named, it is slow.
    cells = {name: [text or None for text in texts] for name, texts in columns.items()}
    return pd.DataFrame(cells, index=[response.row for response in responses], dtype=object)


def _describe_troubles(
    program: Program, form: FormName, responses: Sequence[Response], columns: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """What no single expectation can find out, by the name of its column; empty where there is no trouble."""
    has_address = "email" in form_fields.NEEDED_FIELDS[form]
    email_troubles = [_find_email_trouble(one) if has_address else "" for one in responses]
    zones = {"", *list_time_zones().values()}
    topics = set(program.topics)

    def judge(name: str, describe: Callable[[str], str]) -> list[str]:
        # People choose from a few: each answer is judged once, however many gave it.
        answers = columns.get(name) or [""] * len(responses)
        found = {answer: describe(answer) for answer in set(answers)}
        return [found[answer] for answer in answers]

    return {
        "email trouble": email_troubles,
        "submitted_at trouble": [_find_time_trouble(one) for one in responses],
        "legible row": [
            "yes" if one.submitted_at and not trouble else ""
            for one, trouble in zip(responses, email_troubles, strict=True)
        ],
        "time_zone trouble": judge("time_zone", lambda zone: "" if zone in zones else "unknown"),
        "topics_wanted unknown": judge("topics_wanted", partial(_list_unknown, topics)),
        "topics_wanted tied": [response.troubles.get("topics_wanted", "") for response in responses],
        "topics_wanted repeated": judge("topics_wanted", _list_repeated),
        **{
            f"{name} unknown": judge(name, partial(_list_unknown, set(options)))
            for name, options in form_fields.list_closed_choices(program, form).items()
        },
        "overlong field": _find_overlong(columns, len(responses)),
    }


def _list_unknown(options: Set[str], answer: str) -> str:
    return "; ".join(one for one in _split(answer) if one not in options)


def _list_repeated(answer: str) -> str:
    return "; ".join(one for one, times in Counter(_split(answer)).items() if times > 1)


def _split(answer: str) -> list[str]:
    return [part for part in answer.split("; ") if part]


def _find_email_trouble(response: Response) -> str:
    return "" if response.address else check_address(response.email) or ""


def _find_time_trouble(response: Response) -> str:
    if response.submitted_at:
        return ""
    read = response.troubles.get("submitted_at", "can't be read")
    return read if response.answers["submitted_at"] else "is missing"


def _find_overlong(columns: Mapping[str, Sequence[str]], rows: int) -> list[str]:
    """The first field of each row that is too long."""
    found = [""] * rows
    for name, texts in columns.items():
        if max(map(len, texts)) > LONGEST_ANSWER:
            here = (name if len(text) > LONGEST_ANSWER else "" for text in texts)
            found = [before or now for before, now in zip(found, here, strict=True)]
    return found


def _find_sheet_problems(rules: Sequence[Rule], results: Mapping[int, Any], tab: str) -> Iterator[str]:
    for place, rule in enumerate(rules):
        result = results.get(place)
        if result is None or not _is_conclusive(rule, result):
            yield (
                f"The tab “{tab}” could not be checked: the rule “{rule['description']}” did not work on it. "
                "Nobody on it was accepted or turned away. Please tell the operator."
            )
        elif not result.success and "problem" in rule["meta"]:
            yield rule["meta"]["problem"]


def _is_conclusive(rule: Rule, result: Any) -> bool:
    """Whether to believe the result: a rule that broke down has no bad rows and would accept everybody."""
    info = result.exception_info  # flat, or keyed by metric
    parts = [info] if "raised_exception" in info else info.values()
    if any(part["raised_exception"] for part in parts):
        return False
    return bool(result.success or "problem" in rule["meta"] or result.result.get("unexpected_index_list"))


def _find_faults(
    columns: FormColumns,
    responses: Sequence[Response],
    rules: Sequence[Rule],
    results: Mapping[int, Any],
    table: pd.DataFrame,
) -> dict[int, tuple[Fault, ...]]:
    by_row = {response.row: response for response in responses}
    faults: dict[int, list[Fault]] = {}
    for place, rule in enumerate(rules):
        rows = results[place].result.get("unexpected_index_list")
        if "mend" not in rule["meta"] or not rows:
            continue
        for row, found in zip(rows, table.loc[rows, rule["kwargs"]["column"]], strict=True):
            if by_row[row].is_withdrawal and not rule["meta"].get("also_when_withdrawing"):
                continue
            faults.setdefault(row, []).append(_make_fault(rule, by_row[row], found or "", columns))
    return {row: tuple(faults[row]) for row in sorted(faults)}


def _make_fault(rule: Rule, response: Response, found: str, columns: FormColumns) -> Fault:
    name = rule["meta"]["field"].replace("{found}", found)
    words = {"{value}": _shorten(response.answers[name], _LONGEST_QUOTE), "{found}": _shorten(found, 160)}
    mend = re.sub(r"\{(?:value|found)\}", lambda match: words[match[0]], rule["meta"]["mend"])
    return Fault(field=name, question=columns.name_question(name), mend=mend, row=response.row)


def _shorten(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
