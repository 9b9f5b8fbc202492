"""Put first on the path of a served program's runs: makes one step of the next run fail, as the fault file says.

The file holds `name of the step|before`, `…|after`, or `…|kill` (the process dies after it); it is removed when the
fault happens. Python imports a module of this name by itself at its start.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


class InjectedFaultError(RuntimeError):
    """What the test throws into a step."""


def _spoil(module: ModuleType) -> None:
    """Wrap what every step of `tasks.steps` runs through."""
    make = module._Call.__init__

    def start(call: Any, run: Callable[[], Any]) -> None:
        make(call, lambda: _run_with_fault(run))

    module._Call.__init__ = start


def _run_with_fault(run: Callable[[], Any]) -> Any:
    from prefect.context import TaskRunContext

    context = TaskRunContext.get()
    assert context is not None
    place = Path(os.environ["FAULT_FILE"])
    step, _, when = place.read_text().partition("|") if place.exists() else ("", "", "")
    if step != context.task.name:
        return run()
    place.unlink()
    if when != "before":
        run()
    if when == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFaultError(f"injected {when} “{step}”")


class _SpoilingFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "tasks.steps":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _spoil(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "FAULT_FILE" in os.environ:
    sys.meta_path.insert(0, _SpoilingFinder())
