"""The mail provider's stand-in in a process of its own, with what it accepted as the ground truth.

It outlives every sender that is killed. Belongs here: starting and asking it. Does not belong here: how it answers
(`tests.stand_ins.sendgrid`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from tests.proof.truth import Accepted

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Provider:
    """One stand-in at `url`, whose history can be saved and put back with the world's."""

    url: str
    key: str
    asking: Connection

    def ask(self, command: str, *values: Any) -> Any:
        """One command of `provider_process.Keeper`."""
        return _ask(self.asking, command, *values)

    def list_accepted(self) -> list[Accepted]:
        """What it has accepted in this world's history."""
        accepted: list[Accepted] = self.ask("list")
        return accepted

    @staticmethod
    @contextmanager
    def start() -> Iterator[Provider]:
        """A stand-in for as long as the block lasts."""
        serving = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
            "from tests.proof.provider_process import serve; serve()"
        )
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", serving], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert process.stdout is not None
            url, address = process.stdout.readline().split()
            with Client(address, authkey=b"proof") as asking:
                yield Provider(url, _ask(asking, "show_key"), asking)
        finally:
            process.kill()
            process.communicate()


def _ask(asking: Connection, command: str, *values: Any) -> Any:
    asking.send((command, values))
    done, answer = asking.recv()
    if not done:
        raise RuntimeError(answer)
    return answer
