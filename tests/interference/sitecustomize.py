"""Put first on the path of a served program's runs: makes a step go wrong, or a run believe in another time.

FAULT_FILE names a file that holds `name of the step|before`, `…|after`, `…|kill` (the process dies after it), or `…|hold`
(it waits after it until the file with `.held` added to its name is removed); the next run to come there is hit, and the
file is removed. CLOCK_FILE names a file with the moment that is now, in ISO form. Python imports a module of this name by
itself at its start.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from types import ModuleType
from typing import Any


class InjectedFaultError(RuntimeError):
    """What the test throws into a step."""


def _spoil_steps(module: ModuleType) -> None:
    """Wrap what every step of `tasks.steps` runs through."""
    make = module._Call.__init__

    def start(call: Any, run: Callable[[], Any], cohort_id: str) -> None:
        make(call, lambda: _run_with_fault(run), cohort_id)

    module._Call.__init__ = start


def _run_with_fault(run: Callable[[], Any]) -> Any:
    from prefect.context import TaskRunContext

    context = TaskRunContext.get()
    assert context is not None
    place = Path(os.environ["FAULT_FILE"])
    step, _, when = place.read_text().partition("|") if place.exists() else ("", "", "")
    if step != context.task.name:
        return run()
    if when == "hold":
        return _run_and_wait(run, place)
    place.unlink()
    if when != "before":
        run()
    if when == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFaultError(f"injected {when} “{step}”")


def _run_and_wait(run: Callable[[], Any], place: Path) -> Any:
    result = run()
    held = place.with_name(f"{place.name}.held")
    place.rename(held)
    while held.exists():
        time.sleep(0.1)
    return result


class _Clock(datetime):
    """A clock that stands still between two writings of its file."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromisoformat(Path(os.environ["CLOCK_FILE"]).read_text()).astimezone(tz)


def _set_clock(module: ModuleType) -> None:
    """Where a run without `as_of` gets its moment from."""
    module.datetime = _Clock  # type: ignore[attr-defined]


_CHANGES = {
    name: change
    for variable, name, change in (
        ("FAULT_FILE", "tasks.steps", _spoil_steps),
        ("CLOCK_FILE", "tasks.runs", _set_clock),
    )
    if variable in os.environ
}


class _SpoilingFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _CHANGES:
            return None
        change = _CHANGES.pop(name)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if _CHANGES:
    sys.meta_path.insert(0, _SpoilingFinder())
