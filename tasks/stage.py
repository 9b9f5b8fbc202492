"""The stage of a rehearsal: settings, spreadsheets and mail that stand in for the real ones while a play lasts.

Flows that run on a stage have no Prefect around them and reach neither the environment, nor a file of the program, nor
a mail provider. Belongs here: which stage is set, if any. Does not belong here: what is played
(`deployments.rehearsal`), paper sheets and mail (`tasks.stage_sheets`, `tasks.stage_mail`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.mail import MailBackend
    from tasks.settings import Settings
    from tasks.sheets import Sheets


@dataclass(frozen=True)
class Stage:
    """What runs find instead of the program folder, its two spreadsheets and its mail."""

    settings: Settings
    sheets: Sheets
    mail: MailBackend


_stage: ContextVar[Stage | None] = ContextVar("stage", default=None)


def find_stage() -> Stage | None:
    """The stage that is set; None in real life."""
    return _stage.get()


@contextmanager
def play_on(stage: Stage) -> Iterator[None]:
    """Until the block ends, this thread's runs play on `stage`."""
    token = _stage.set(stage)
    try:
        yield
    finally:
        _stage.reset(token)
