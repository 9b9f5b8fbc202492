"""The rules for form responses: the suites in `expectations/`, filled in from the program.

Belongs here: reading suites and their placeholders. Does not belong here: running them (`tasks.validation`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mentoring import form_fields
from mentoring.form_fields import FormName
from mentoring.form_headings import as_list, list_questions
from mentoring.form_questions import Grid
from mentoring.program import Program

EXPECTATIONS = Path(__file__).parent / "expectations"
#: Suites of each form, in the order in which their faults are told.
SUITES: Mapping[FormName, tuple[str, ...]] = {
    "mentor": ("sheet", "responses", "applications", "mentor"),
    "mentee": ("sheet", "responses", "applications", "mentee"),
    "confirmation": ("sheet", "responses", "confirmation"),
    "request": ("sheet", "responses", "request"),
    "check_in": ("sheet", "responses", "check_in"),
    "evaluation": ("sheet", "responses", "evaluation"),
}
LONGEST_ANSWER = 5000

Rule = dict[str, Any]


def load_rules(program: Program, form: FormName, expectations: Path = EXPECTATIONS) -> list[Rule]:
    """The rules of one form, filled in from the program: expectations as Great Expectations describes them.

    Raises ValueError for a placeholder that has no meaning.
    """
    values = _list_values(program, form)
    rules = [rule for name in SUITES[form] for rule in _read_suite(expectations / f"{name}.yaml")]
    return [
        _fill(rule, values | more)
        for rule in rules
        for more in _repeat(program, form, rule["meta"].get("for_each"))
    ]


@cache
def _read_suite(path: Path) -> list[Rule]:
    import yaml

    suite: dict[str, list[Rule]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return suite["expectations"]


def _list_values(program: Program, form: FormName) -> dict[str, Any]:
    return {
        "tab": program.forms[form].tab,
        "fields": list(list_questions(program, form)),
        "longest_answer": LONGEST_ANSWER,
        "channels": program.channels,
        "topics": program.topics,
        "actions": list(form_fields.ACTIONS),
        "requests": list(form_fields.REQUESTS),
        "rematch_answers": list(form_fields.REMATCH_ANSWERS),
        "signals": list(form_fields.SIGNALS),
        "rhythms": list(form_fields.RHYTHMS),
        "quote_answers": list(form_fields.QUOTE_ANSWERS),
    }


def _repeat(program: Program, form: FormName, kind: str | None) -> list[dict[str, Any]]:
    """What differs between the copies of a rule that holds for each field, or evaluation question, of a kind."""
    if kind is None:
        return [{}]
    if kind == "closed":
        closed = form_fields.list_closed_choices(program, form)
        return [{"field": name, "choices": list(options)} for name, options in closed.items()]
    if kind == "ranking":
        ranked = as_list(program.forms[form].fields.get("topics_wanted", ""))
        return [{}] if any(isinstance(asked, Grid) and asked.choose for asked in ranked) else []
    open_questions = form_fields.list_open_questions(program)
    return [
        {"question": question.id, "words": question.text, "choices": question.choices}
        for question in program.evaluation
        if question.kind == kind
        and (kind != "choice" or (question.choices and question.id not in open_questions))
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
