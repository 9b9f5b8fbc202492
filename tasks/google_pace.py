"""Keeping to Google's quota of calls a minute, together with every other process that works on the same program.

Belongs here: when the next call may go out. Does not belong here: the call itself (`tasks.google_client`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

CallKind = Literal["read", "write"]

#: Google's own limit for one service account is 60 reads and 60 writes a minute; a few stay free for a doctor's call.
CALLS_A_MINUTE = 55
MINUTE = 60.0
PACE_FILE = ".google-calls.json"


@dataclass(frozen=True)
class Pace:
    """The calls of the last minute, in a small file that every process of the program shares.

    `now` gives seconds since the epoch, `sleep` waits some seconds.
    """

    path: Path
    limit: int = CALLS_A_MINUTE
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def wait_for_turn(self, kind: CallKind) -> None:
        """Wait until one more call of this kind keeps to the quota, and count it."""
        while (pause := self._take_turn(kind)) > 0:
            self.sleep(pause)

    def _take_turn(self, kind: CallKind) -> float:
        """Count the call and return 0, or return the seconds until there may be a turn."""
        try:
            return self._count_call(kind)
        except OSError:
            # Where nothing can be written, Google's own count is the only one.
            return 0.0

    def _count_call(self, kind: CallKind) -> float:
        with FileLock(self.path.with_name(f"{self.path.name}.lock")):
            now = self.now()
            calls = self._read_calls(now)
            recent = calls[kind]
            if len(recent) >= self.limit:
                return max(0.01, recent[-self.limit] + MINUTE - now)
            recent.append(now)
            self.path.write_text(json.dumps(calls), encoding="utf-8")
            return 0.0

    def _read_calls(self, now: float) -> dict[CallKind, list[float]]:
        calls: dict[CallKind, list[float]] = {"read": [], "write": []}
        # A file that is missing, or that a crash left half written, costs nothing: Google counts as well.
        with suppress(OSError, ValueError, TypeError, AttributeError):
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            for kind in calls:
                # A clock that was set back must not make anybody wait for long.
                calls[kind] = sorted(
                    float(at) for at in stored.get(kind, ()) if now - MINUTE < float(at) <= now
                )
        return calls
