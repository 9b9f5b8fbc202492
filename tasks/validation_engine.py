"""Great Expectations at work: rules and a table in, their results out.

Belongs here: everything that knows how the library is run. Does not belong here: the rules (`tasks.validation_rules`),
and what their results mean (`tasks.validation`).
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from tasks.validation_rules import Rule

if TYPE_CHECKING:
    import pandas as pd

#: The latest tables with their rules and results: in a year most runs find most tabs as the run before did.
_latest: deque[tuple[Sequence[Rule], pd.DataFrame, dict[int, Any]]] = deque(maxlen=8)

#: While rules run: the expectations of this thread by their id, each with its configuration.
_kept: ContextVar[dict[int, tuple[Any, Any]] | None] = ContextVar("kept", default=None)


def run_rules(rules: Sequence[Rule], table: pd.DataFrame) -> dict[int, Any]:
    """Results by the place of their rule; a table and rules that came a moment ago have the same ones again."""
    for earlier_rules, earlier_table, earlier_results in tuple(_latest):
        if earlier_rules == rules and earlier_table.equals(table):
            return earlier_results
    results = _run_rules(rules, table)
    _latest.append((rules, table, results))
    return results


def _run_rules(rules: Sequence[Rule], table: pd.DataFrame) -> dict[int, Any]:
    gx = import_great_expectations()
    from great_expectations.validator.v1_validator import Validator

    # Made anew each time: sharing a context or a batch between threads mixes their tables without a word.
    context = gx.get_context(mode="ephemeral", project_config=_configure_context())
    asset = context.data_sources.add_pandas("forms").add_dataframe_asset("tab")
    batch = asset.add_batch_definition_whole_dataframe("rows")
    # What `validate` of a batch makes for each call, with another look at the whole table each time.
    validator: Any = Validator(batch, "BOOLEAN_ONLY", {"dataframe": table})

    def run(places: Iterable[int]) -> dict[int, Any]:
        numbered = [{**rules[place], "meta": {"place": place}} for place in places]
        outcome = validator.validate_expectation_suite(gx.ExpectationSuite("rules", numbered))
        # The library returns them in an order of its own.
        return {result.expectation_config.meta["place"]: result for result in outcome.results}

    with _keeping_configurations():
        results = run(range(len(rules)))
        # Most rules hold on all rows of a tab. To list the rows for every rule would be nearly half of all the work.
        if broken := [place for place, rule in enumerate(rules) if _may_name_rows(rule, results.get(place))]:
            validator.result_format = "COMPLETE"
            results |= run(broken)
    return results


def _may_name_rows(rule: Rule, result: Any) -> bool:
    """Whether a rule is about single rows, some of which may have broken it."""
    holds_for_all = result is not None and result.success and "mostly" not in rule["kwargs"]
    return "problem" not in rule["meta"] and not holds_for_all


def import_great_expectations() -> Any:
    """The library, which sends nothing to its makers and logs no answers; loading it takes a second or two."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations

    _let_expectations_keep_configurations()
    return great_expectations


def _configure_context() -> Any:
    from great_expectations.data_context.types import base

    return base.DataContextConfig(
        # No site of data docs: it would show applicants' answers as they are.
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=base.ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )


@contextmanager
def _keeping_configurations() -> Iterator[None]:
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


@cache
def _let_expectations_keep_configurations() -> None:
    """Let an expectation make its configuration once while rules run.

    Great Expectations 1.24.1 makes it anew each of the thirty times that it looks at it, a third of all its work,
    though nothing changes an expectation in the meantime. Outside of `run_rules` the library is as it was.
    """
    from great_expectations.expectations import expectation

    library: Any = expectation.Expectation
    make = library.configuration.fget

    def configuration(one: Any) -> Any:
        kept = _kept.get()
        if kept is None:
            return make(one)
        if id(one) not in kept:
            # With the expectation itself, so that no other can come to have its id.
            kept[id(one)] = one, make(one)
        return kept[id(one)][1]

    library.configuration = property(configuration)
