"""The flows as the proof machine runs them: real rules, commits and calls, without Prefect's server and the workbooks.

Neither of the two holds the truth: a flow's body runs as the plain function that it is, and what people write into
sheets comes from a script. Belongs here: running one flow. Does not belong here: who takes part and what happens when.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Protocol
from unittest.mock import patch

from flows import load_flow
from mentoring.answers import FormAnswers
from mentoring.calendar_entries import CalendarEntry
from mentoring.desk import TABS, SheetRow, SheetTab, TabUpdate
from mentoring.matching.generation import keep_quiet
from mentoring.program import Program
from tasks import attachments, certificates, ledger, report_pdf, run_pages, runs, steps
from tasks.runs import RunReport
from tasks.sending import tell_nobody
from tasks.settings import Settings
from tests.proof import instruments


class Script(Protocol):
    """What people have written by the moment of a run."""

    def list_rows(self, settings: Settings, tab: str) -> Sequence[Mapping[str, str]]:
        """Rows of a tab of the committee's desk."""

    def list_answers(self, settings: Settings, form: str) -> FormAnswers:
        """The responses to a form."""


@dataclass(frozen=True)
class ScriptedDesk:
    """The committee's spreadsheet; what the software writes there is a moment that counts."""

    settings: Settings
    script: Script

    def read_committee(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        return {name: _make_tab(name, self.script.list_rows(self.settings, name)) for name in tabs}

    def read_forms(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        raise AssertionError("answers come from the script")

    def write_committee(self, updates: Sequence[TabUpdate]) -> None:
        instruments.reach("before writing the desk")
        instruments.reach("after writing the desk")


def _make_tab(name: str, rows: Sequence[Mapping[str, str]]) -> SheetTab:
    headings = tuple(TABS[name].list_headings())
    cells = [tuple(row.get(heading, "") for heading in headings) for row in rows]
    return SheetTab(name, headings, tuple(SheetRow(number, row) for number, row in enumerate(cells, 2)))


@contextmanager
def live_without_prefect() -> Iterator[None]:
    """Until the block ends, a flow's steps are plain functions, and its report stays with the caller."""
    # A step is a task's wrapper made in that module; what it imports may be wrapped as well, and stays as it is.
    plain = {
        name: step.__wrapped__
        for name, step in vars(steps).items()
        if hasattr(step, "__wrapped__") and step.__code__.co_filename == steps.__file__
    }
    quiet = {
        "show_report": lambda *_: None,
        "follow_progress": lambda *_: tell_nobody,
        "follow_matching": lambda *_: keep_quiet,
    }
    with (
        patch.multiple(steps, **plain, get_run_logger=_Silence),
        patch.multiple(run_pages, **quiet),
        patch("prefect.events.emit_event", lambda **_: None),
    ):
        yield


class _Silence:
    def info(self, *_: object) -> None:
        """Say nothing."""

    warning = error = info


@contextmanager
def send_through(backend: Any) -> Iterator[None]:
    """Until the block ends, whoever opens the mail gets this backend."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("tasks.") and hasattr(module, "open_mail"):
                stack.enter_context(patch.object(module, "open_mail", lambda settings: backend))
        yield


_known: dict[Any, Any] = {}


@contextmanager
def remember_renderings() -> Iterator[None]:
    """Until the block ends, the same facts are rendered once.

    A text, a calendar entry or a certificate depends on nothing else, and they take most of a run's time. Besides, the library that makes
    certificates has threads of its own, which a forked process lacks: it finds them made.
    """
    render, write = ledger.render_message, certificates.write_certificate
    write_entry = attachments.write_entry

    def recall_text(kind: Any, context: Any, overrides: Any) -> Any:
        key = json.dumps([kind, context, dict(overrides)], sort_keys=True, default=str)
        if key not in _known:
            _known[key] = render(kind, context, overrides)
        return _known[key]

    def recall_certificate(certificate: Any) -> Any:
        key = astuple(certificate)
        if key not in _known:
            _known[key] = write(certificate)
        return _known[key]

    def recall_entry(entry: CalendarEntry, program: Program) -> bytes:
        key = repr(entry)
        if key not in _known:
            _known[key] = write_entry(entry, program)
        return _known[key]

    with (
        patch.object(ledger, "render_message", recall_text),
        patch.object(attachments, "write_entry", recall_entry),
        patch.object(certificates, "write_certificate", recall_certificate),
        # By the same library; its figures differ from world to world.
        patch.object(report_pdf, "write_pdf", lambda *_: b""),
    ):
        yield


def run_flow(settings: Settings, flow: str, moment: datetime, script: Script) -> RunReport:
    """The flow's own body, from its first line to its report."""
    with (
        live_without_prefect(),
        remember_renderings(),
        patch.object(runs, "load_settings", lambda folder=None: settings),
        patch.object(runs, "open_sheets", lambda settings: ScriptedDesk(settings, script)),
        patch.object(
            steps, "read_answers", lambda run, *forms: [script.list_answers(settings, form) for form in forms]
        ),
    ):
        report = load_flow(flow).fn(as_of=moment)
    assert isinstance(report, RunReport)
    return report


def read_rows(settings: Settings, statement: str) -> list[dict[str, Any]]:
    """Rows of plain SQL, past the program's queries."""
    database = runs.Run("look", settings, "", datetime.min, False).database
    with database.open_session() as session:
        return [dict(row) for row in session.connection.execute(statement).fetchall()]
