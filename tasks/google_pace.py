"""Keeping to Google's quota of calls a minute, together with every other process that works on the same program.

Runs of deployments share a rate limit of the Prefect server, on whatever machine they work; everything else shares a
small file in the program folder. Belongs here: when the next call may go out. Does not belong here: the call itself
(`tasks.google_client`).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
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
#: The Prefect server's limits. So many calls at once, and so many a second after them: 56 in any minute at most.
PREFECT_LIMITS: Mapping[CallKind, str] = {
    "read": "mentoring-google-reads",
    "write": "mentoring-google-writes",
}
BURST, CALLS_A_SECOND = 20, 0.6


def open_pace(path: Path) -> Pace | PrefectPace:
    """The Prefect server's count in a run of a deployment; elsewhere the one in the file `path`."""
    return PrefectPace() if _is_run_of_deployment() else Pace(path, CALLS_A_MINUTE)


def _is_run_of_deployment() -> bool:
    # A run has loaded Prefect already; a command that asks Google must not pay for it.
    if "prefect" not in sys.modules:
        return False
    from prefect.runtime import deployment

    return deployment.id is not None


class PrefectPace:
    """The calls of every run of a deployment, counted by the Prefect server. Makes its limits if they are missing."""

    def __init__(self) -> None:
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
        from prefect.exceptions import ObjectAlreadyExists

        with get_client(sync_client=True) as client:
            for name in PREFECT_LIMITS.values():
                limit = GlobalConcurrencyLimitCreate(
                    name=name, limit=BURST, slot_decay_per_second=CALLS_A_SECOND
                )
                # What the operator made of it stays.
                with suppress(ObjectAlreadyExists):
                    client.create_global_concurrency_limit(limit)

    def wait_for_turn(self, kind: CallKind) -> None:
        """Wait until one more call of this kind keeps to the quota, and count it."""
        from prefect.concurrency.sync import rate_limit

        # Not strict, a limit that is missing would let every call through.
        rate_limit(PREFECT_LIMITS[kind], strict=True)


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
