"""Processes that may die: a function in a forked child, which costs milliseconds once everything is imported.

Belongs here: forking, waiting, signals. Does not belong here: what the child does.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """How a child ended: `value` is what its function returned, `error` its traceback, `killed` whether by SIGKILL."""

    value: Any = None
    error: str = ""
    killed: bool = False


@dataclass
class Child:
    """A running child."""

    pid: int
    pipe: int
    received: bytes = b""
    status: int | None = None

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = _PATIENCE_SECONDS) -> Outcome:
        """Until it has ended. Raises `TimeoutError`, after killing it, if it never does."""
        deadline = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.pipe], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                os.kill(self.pid, signal.SIGKILL)
                self._reap()
                raise TimeoutError(f"a child did not end within {seconds} s")
            part = os.read(self.pipe, 1 << 16)
            if not part:
                break
            self.received += part
        status = self._reap()
        if os.WIFSIGNALED(status):
            if os.WTERMSIG(status) != signal.SIGKILL:
                raise RuntimeError(f"a child died by signal {os.WTERMSIG(status)}")
            return Outcome(killed=True)
        return pickle.loads(self.received)

    def wait_stopped(self) -> bool:
        """Until it is stopped by SIGSTOP (true) or has ended (false)."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return True
        self.status = status
        return False

    def _reap(self) -> int:
        os.close(self.pipe)
        if self.status is None:
            _, self.status = os.waitpid(self.pid, 0)
        return self.status


def start(function: Callable[[], Any]) -> Child:
    """Run a function in a forked child; its value must be picklable."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Child(pid, reading)
    os.close(reading)
    try:
        outcome = Outcome(function())
    except BaseException as error:  # noqa: BLE001 – the parent judges it
        outcome = Outcome(error="".join(traceback.format_exception(error)))
    try:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(outcome, pipe)
    finally:
        os._exit(0)


def run(function: Callable[[], Any]) -> Outcome:
    """Run a function in a forked child and wait for its end."""
    return start(function).wait()
