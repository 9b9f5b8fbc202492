"""Validation of form responses by Great Expectations: which rows can be used, what the others must mend.

The rules themselves are the suites in `expectations/`. Belongs here: filling the suites in from the program,
running them and turning their results into faults. Does not belong here: reading cells
(`mentoring.responses`), and what happens to a response with faults (the flows).
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mentoring import responses as reading
from mentoring.desk import SheetTab
from mentoring.program import Program
from mentoring.responses import FormName, Response

if TYPE_CHECKING:
    import pandas as pd

EXPECTATIONS = Path(__file__).parent / "expectations"
#: Suites of each form, in the order in which their faults are told.
SUITES: Mapping[FormName, tuple[str, ...]] = {
    "mentor": ("sheet", "responses", "applications", "mentor"),
    "mentee": ("sheet", "responses", "applications", "mentee"),
    "request": ("sheet", "responses", "request"),
    "check_in": ("sheet", "responses", "check_in"),
    "evaluation": ("sheet", "responses", "evaluation"),
}
LONGEST_ANSWER = 5000
_LONGEST_QUOTE = 40

Rule = dict[str, Any]


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
    problems = reading.find_heading_problems(program, form, tab or SheetTab("", ()))
    if problems or tab is None:
        return SheetCheck(tuple(problems))
    responses = reading.read_responses(program, form, tab)
    if not responses:
        return SheetCheck()
    rules = [
        rule
        for rule in load_rules(program, form, expectations)
        if len(responses) >= rule["meta"].get("from_rows", 0)
    ]
    table = _make_table(program, form, responses)
    results = _run_rules(rules, table)
    problems = list(_find_sheet_problems(rules, results, tab.name))
    if problems:
        return SheetCheck(tuple(problems))
    return SheetCheck((), tuple(responses), _find_faults(program, form, responses, rules, results, table))


def _describe_missing_tab(program: Program, form: FormName) -> str:
    return (
        f"The forms spreadsheet has no tab “{program.forms[form].tab}”. Rename it back, or change its name "
        f"in program.yaml under forms → {form} → tab."
    )


def load_rules(program: Program, form: FormName, expectations: Path = EXPECTATIONS) -> list[Rule]:
    """The rules of one form, filled in from the program: expectations as Great Expectations describes them.

    Raises ValueError for a placeholder that has no meaning.
    """
    values = _list_values(program, form)
    rules = [rule for name in SUITES[form] for rule in _read_suite(expectations / f"{name}.yaml")]
    return [
        _fill(rule, values | more)
        for rule in rules
        for more in _repeat(program, rule["meta"].get("for_each"))
    ]


@cache
def _read_suite(path: Path) -> list[Rule]:
    import yaml

    suite: dict[str, list[Rule]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return suite["expectations"]


def _list_values(program: Program, form: FormName) -> dict[str, Any]:
    return {
        "tab": program.forms[form].tab,
        "fields": list(reading.list_questions(program, form)),
        "longest_answer": LONGEST_ANSWER,
        "channels": program.channels,
        "topics": program.topics,
        "actions": list(reading.ACTIONS),
        "requests": list(reading.REQUESTS),
        "rematch_answers": list(reading.REMATCH_ANSWERS),
        "signals": list(reading.SIGNALS),
        "quote_answers": list(reading.QUOTE_ANSWERS),
    }


def _repeat(program: Program, kind: str | None) -> list[dict[str, Any]]:
    """What differs between the copies of a rule that holds for each evaluation question of a kind."""
    if kind is None:
        return [{}]
    return [
        {"question": question.id, "words": question.text, "choices": question.choices}
        for question in program.evaluation
        if question.kind == kind and (question.choices or kind != "choice")
    ]


def _fill(node: Any, values: Mapping[str, Any], key: str = "") -> Any:
    """Replace `$name` throughout: by the value, in a regex by its alternatives, in other text by a list."""
    if isinstance(node, dict):
        return {name: _fill(part, values, name) for name, part in node.items()}
    if not isinstance(node, str):
        return node
    unknown = set(re.findall(r"\$([a-z_]+)", node)) - set(values)
    if unknown:
        raise ValueError(f"The rule “{node}” uses ${min(unknown)}, which stands for nothing.")
    whole = re.fullmatch(r"\$([a-z_]+)", node)
    if whole:
        return values[whole[1]]
    return re.sub(r"\$([a-z_]+)", lambda match: _write(values[match[1]], key == "regex"), node)


def _write(value: Any, as_regex: bool) -> str:
    parts = [str(part) for part in value] if isinstance(value, list) else [str(value)]
    return "|".join(re.escape(part) for part in parts) if as_regex else "; ".join(parts)


def _make_table(program: Program, form: FormName, responses: Sequence[Response]) -> pd.DataFrame:
    """One line per response, indexed by its row in the sheet; all cells are text, empty ones are None."""
    import pandas as pd

    lines = [_describe_response(program, form, response) for response in responses]
    # Blank cells must be None for the rules about nulls, and the index must have no name: named, it is slow.
    cells = [{name: text or None for name, text in line.items()} for line in lines]
    return pd.DataFrame(cells, index=[response.row for response in responses], dtype=object)


def _describe_response(program: Program, form: FormName, response: Response) -> dict[str, str]:
    """The answers, and beside them what no single expectation can find out."""
    answers = response.answers
    email_trouble = reading.check_address(response.email) if "email" in reading.FIELDS[form] else None
    time_trouble = "can't be read" if answers["submitted_at"] else "is missing"
    zones = {"", *reading.list_time_zones().values()}
    topics = [topic for topic in answers.get("topics_wanted", "").split("; ") if topic]
    return {
        **answers,
        "email trouble": email_trouble or "",
        "submitted_at trouble": "" if response.submitted_at else time_trouble,
        "legible row": "yes" if response.submitted_at and not email_trouble else "",
        "time_zone trouble": "unknown" if answers.get("time_zone", "") not in zones else "",
        "topics_wanted unknown": "; ".join(topic for topic in topics if topic not in program.topics),
        "topics_wanted repeated": "; ".join(topic for topic, times in Counter(topics).items() if times > 1),
        "overlong field": next((name for name, text in answers.items() if len(text) > LONGEST_ANSWER), ""),
    }


def _run_rules(rules: Sequence[Rule], table: pd.DataFrame) -> dict[int, Any]:
    """Results by the place of their rule: Great Expectations returns them in an order of its own."""
    gx = _import_great_expectations()
    # Made anew each time: sharing a context or a batch between threads mixes their tables without a word.
    context = gx.get_context(mode="ephemeral", project_config=_configure_context())
    asset = context.data_sources.add_pandas("forms").add_dataframe_asset("tab")
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": table})
    numbered = [{**rule, "meta": {"place": place}} for place, rule in enumerate(rules)]
    suite = gx.ExpectationSuite(name="rules", expectations=numbered)
    outcome = batch.validate(suite, result_format="COMPLETE")
    return {result.expectation_config.meta["place"]: result for result in outcome.results}


def _configure_context() -> Any:
    from great_expectations.data_context.types import base

    return base.DataContextConfig(
        # No site of data docs: it would show applicants' answers as they are.
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=base.ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )


def _import_great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations

    return great_expectations


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
    program: Program,
    form: FormName,
    responses: Sequence[Response],
    rules: Sequence[Rule],
    results: Mapping[int, Any],
    table: pd.DataFrame,
) -> dict[int, tuple[Fault, ...]]:
    questions = reading.list_questions(program, form)
    by_row = {response.row: response for response in responses}
    faults: dict[int, list[Fault]] = {}
    for place, rule in enumerate(rules):
        if "mend" not in rule["meta"]:
            continue
        for row in results[place].result.get("unexpected_index_list") or ():
            if by_row[row].is_withdrawal and not rule["meta"].get("also_when_withdrawing"):
                continue
            found = str(table.at[row, rule["kwargs"]["column"]] or "")
            faults.setdefault(row, []).append(_make_fault(rule, by_row[row], found, questions))
    return {row: tuple(faults[row]) for row in sorted(faults)}


def _make_fault(rule: Rule, response: Response, found: str, questions: Mapping[str, Sequence[str]]) -> Fault:
    name = rule["meta"]["field"].replace("{found}", found)
    words = {"{value}": _shorten(response.answers[name], _LONGEST_QUOTE), "{found}": _shorten(found, 160)}
    mend = re.sub(r"\{(?:value|found)\}", lambda match: words[match[0]], rule["meta"]["mend"])
    return Fault(field=name, question=questions.get(name, [name])[0], mend=mend, row=response.row)


def _shorten(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
