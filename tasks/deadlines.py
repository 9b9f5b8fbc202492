"""Reading from a connection within a time.

A socket's own timeout starts anew with every byte, so an answer that drips never runs into it. Belongs here: the
reader. Does not belong here: what is read.
"""

from __future__ import annotations

from io import BufferedReader, RawIOBase
from socket import socket
from time import monotonic
from typing import Any


def read_until(deadline: float, connection: socket) -> BufferedReader:
    """A reader whose every byte must have come by `deadline` (of `time.monotonic`); else it raises TimeoutError."""
    return BufferedReader(_DeadlineReader(connection, deadline))


class _DeadlineReader(RawIOBase):
    def __init__(self, connection: socket, deadline: float) -> None:
        super().__init__()
        self._connection, self._deadline = connection, deadline
        self._raw = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
