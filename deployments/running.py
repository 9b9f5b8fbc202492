"""Running one flow in this process, for `mentoring run` and `mentoring preview`.

Belongs here: finding a Prefect server to report to, and rendering what a dry run would send. Does not belong here: the
flows, and running them on schedule (`deployments.serving`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.pauses import answers
from flows import load_flow
from tasks.settings import SettingsError, find_program_folder, use_program_folder

if TYPE_CHECKING:
    from tasks.runs import Run, RunReport

_SERVED_HERE = "http://127.0.0.1:4200/api"


def run_flow(
    name: str,
    folder: Path | None,
    cohort: str | None = None,
    as_of: datetime | None = None,
    dry_run: bool = False,
) -> RunReport:
    """Run a flow once in this process, and return what it did or, with `dry_run`, would do.

    It is recorded by the Prefect server that is configured or runs on this machine; without one, by a private server
    that ends with the run. Raises what the flow raises.
    """
    # Trouble with the folder is said before a server is started.
    _check_program(name, folder, cohort)
    with _find_prefect():
        flow = load_flow(name)
        # Prefect sets its log up when it is imported.
        _silence_console()
        report: RunReport = flow(cohort=cohort, as_of=as_of, dry_run=dry_run)
    return report


def _check_program(name: str, folder: Path | None, cohort: str | None) -> None:
    from tasks.runs import open_run
    from tasks.settings import load_settings

    place = find_program_folder(folder)
    load_settings(place)
    use_program_folder(place)
    open_run(name, cohort, None, True, place)


def _silence_console() -> None:
    """Let the log of the run go to Prefect's server only: the command says itself, in one sentence, what went wrong."""
    from prefect.logging.handlers import PrefectConsoleHandler

    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(_is_not_of_a_run)


def _is_not_of_a_run(record: logging.LogRecord) -> bool:
    return not record.name.startswith(("prefect.flow_runs", "prefect.task_runs"))


@contextmanager
def _find_prefect() -> Iterator[None]:
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # The heartbeat's thread costs a second of every run, and only a run that is supervised needs it.
    quick = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    if PREFECT_API_URL.value():
        with temporary_settings(quick):
            yield
    elif answers(_SERVED_HERE):
        with temporary_settings(quick | {PREFECT_API_URL: _SERVED_HERE}):
            yield
    else:
        from deployments.private_server import start_private_server

        with start_private_server() as server:
            server.wait()
            with server.use_quickly():
                yield


def preview_flow(
    name: str, folder: Path | None, cohort: str | None, as_of: datetime | None, out: Path
) -> int:
    """Render into `out` what the run would send, with an index to read it; returns how many messages there are.

    That is what the run would queue, each dated with the moment from which it goes out, and what waits in the outbox
    for a run at this moment. Raises `SettingsError` if `out` holds something already.
    """
    from tasks.mail_files import FileMail
    from tasks.mail_index import write_index
    from tasks.outbox import list_due, make_outgoing
    from tasks.runs import open_run

    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out} is a file; name a folder with --out.")
    if out.exists() and any(out.iterdir()):
        raise SettingsError(f"{out} is not empty; name another folder with --out, or empty it.")
    report = run_flow(name, folder, cohort, as_of, dry_run=True)
    run = open_run(name, report.cohort_id, report.as_of, True, folder)
    backend, count = FileMail(out), 0
    for row in list_due(run):
        backend.send(make_outgoing(run, row, run.now))
        count += 1
    for row, moment in _render_drafts(run, report):
        backend.send(make_outgoing(run, row, moment))
        count += 1
    if count:
        write_index(out, run.settings.program.name)
    return count


def _render_drafts(run: Run, report: RunReport) -> Iterator[tuple[dict[str, Any], datetime]]:
    """The rows that the run would put into the outbox, and from when each may go out."""
    from mentoring.changes import AddPerson
    from tasks.desk import gather_desk
    from tasks.ledger import read_overrides, render_draft

    cohort, overrides = gather_desk(run).cohort, read_overrides(run)
    people = {person.person_id: (person.name, person.email) for person in cohort.people.values()}
    changes = (change for plan in report.plans for change in plan.changes)
    people |= {
        item.person_id: (item.full_name, item.email) for item in changes if isinstance(item, AddPerson)
    }
    for draft in report.drafts:
        full_name, email = people[draft.recipient_id]
        rendered = render_draft(cohort, draft, full_name, overrides)
        yield (
            {
                "message_id": cohort.make_message_id(draft),
                "kind": draft.kind,
                "email": email,
                "full_name": full_name,
                "subject_line": rendered.subject,
                "body_text": rendered.text,
                "body_html": rendered.html,
                "attachments": rendered.attachments,
                "recipient_id": draft.recipient_id,
            },
            draft.not_before,
        )
