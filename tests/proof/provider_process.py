"""The process of a provider's stand-in: serves mail over HTTP, and the machine's questions over a socket of its own."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

from tests.proof.truth import Accepted
from tests.stand_ins.sendgrid import Fault, SendGridStandIn


class Keeper:
    """Answers the machine, and keeps what the stand-in had accepted at moments that it may go back to."""

    def __init__(self, stand_in: SendGridStandIn) -> None:
        self.stand_in = stand_in
        self.saved: dict[str, list[Any]] = {}

    def list(self) -> list[Accepted]:
        return [_shorten(item) for item in self.stand_in.accepted]

    def list_saved(self, name: str) -> list[Accepted]:  # type: ignore[valid-type]
        return [_shorten(item) for item in self.saved[name]]

    def save(self, name: str) -> None:
        self.saved[name] = self.stand_in.accepted

    def restore(self, name: str) -> None:
        """The stand-in itself never forgets; going back in time is the machine's business alone."""
        self.stand_in.wait_until_quiet()
        memory = self.stand_in.memory
        memory._accepted[:] = self.saved[name]
        memory._faults.clear()
        memory._events.clear()
        memory._late_events.clear()
        self.set_latency(0.0)

    def wait_until_quiet(self) -> None:
        self.stand_in.wait_until_quiet()

    def set_time(self, moment: datetime | None) -> None:
        self.stand_in.set_time(moment)

    def set_latency(self, seconds: float) -> None:
        self.stand_in._server.latency = seconds

    def suppress(self, address: str) -> None:
        self.stand_in.suppress(address)

    def script(self, *faults: str) -> None:
        self.stand_in.script(faults)

    def address_for(self, fault: str) -> str:
        return self.stand_in.address_for(Fault(fault))

    def take_events(self) -> list[bytes]:  # type: ignore[valid-type]
        return self.stand_in.memory.take_events()

    def release_late_events(self) -> None:
        self.stand_in.release_late_events()

    def show_key(self) -> str:
        return self.stand_in.key


def _shorten(item: Any) -> Accepted:
    return Accepted(item.message_id, item.provider_id, item.to, item.subject)


def serve() -> None:
    """Say where it is on one line, then answer until the machine hangs up."""
    with tempfile.TemporaryDirectory() as folder, SendGridStandIn() as stand_in:
        address = str(Path(folder) / "ask")
        keeper = Keeper(stand_in)
        with Listener(address, authkey=b"proof") as listener:
            print(stand_in.url, address, flush=True)
            with listener.accept() as asked:
                while True:
                    try:
                        command, values = asked.recv()
                    except EOFError:
                        os._exit(0)
                    try:
                        asked.send((True, getattr(keeper, command)(*values)))
                    except Exception as error:  # noqa: BLE001 – the machine judges it
                        asked.send((False, repr(error)))
