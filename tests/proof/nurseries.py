"""A process that is warm and single-threaded, from which worlds are lived through on behalf of the tests.

Test processes have threads (a test runner's, a Prefect server's), and a fork of such a process may find their locks held
for ever. Belongs here: that process and the way to ask it. Does not belong here: what is asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from tests.proof.crash_points import Point, Reference, try_point
from tests.proof.truth import Violation
from tests.proof.worlds import World

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Prepared:
    """A warm world in another process, and its undisturbed month."""

    asking: Connection
    reference: Reference

    def live(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call a function of this package there, as `function(world, reference, *values)`."""
        self.asking.send((function, values))
        done, answer = self.asking.recv()
        if not done:
            raise AssertionError(answer)
        return answer

    def list_broken(self, points: Iterable[Point]) -> list[tuple[str, Violation]]:
        """What was broken in these interrupted months, each with its point."""
        return [item for point in points for item in self.live(try_point, point).violations]


@contextmanager
def prepare(kind: str, name: str, server: Any = None) -> Iterator[Prepared]:
    """Start the process; it ends with the block."""
    serving = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.proof.nurseries import serve; serve()"
    )
    calm = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", serving],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("MENTORING_")} | calm,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("the process did not start")
        with Client(address, authkey=b"proof") as asking:
            asking.send((kind, name, server))
            done, answer = asking.recv()
            if not done:
                raise AssertionError(answer)
            yield Prepared(asking, answer)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def serve() -> None:
    """Say where it listens, make the world that is asked for, and live through it until nobody asks any more."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "ask")
        with Listener(address, authkey=b"proof") as listener:
            print(address, flush=True)
            with listener.accept() as asked:
                kind, name, server = asked.recv()
                try:
                    _serve_world(asked, kind, name, server)
                except EOFError:
                    return
                except BaseException as error:  # noqa: BLE001 – the test judges it
                    asked.send((False, "".join(traceback.format_exception(error))))


def _serve_world(asked: Connection, kind: str, name: str, server: Any) -> None:
    from tests.proof.campaign import prepare_world

    with prepare_world(kind, name, server) as (world, reference):
        asked.send((True, reference))
        while True:
            function, values = asked.recv()
            try:
                asked.send((True, _call(world, reference, function, values)))
            except Exception as error:  # noqa: BLE001 – the test judges it
                asked.send((False, "".join(traceback.format_exception(error))))


def _call(world: World, reference: Reference, function: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    return function(world, reference, *values)
