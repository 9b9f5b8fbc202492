"""The witness of delivery: a file beside the database that says what was handed over, and what became of it.

A database that is restored from a backup has forgotten what it sent since; the journal has not. Lines are only added,
and are on the disk before the first message of a batch goes out. They hold opaque references, never a name, an address
or a text. One line is `begun` or an outcome, then message id, attempt and the provider's own id; `key` lines say with
which key a cohort makes its message ids. Belongs here: the file. Does not belong here: what follows from it
(`tasks.restored`, `tasks.doubts`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mentoring.errors import PlainError

JOURNAL_NAME = "delivery.journal"
BEGUN = "begun"
#: `returned` and `released` certainly did not arrive: only after these may a message be handed over again.
OUTCOMES = ("accepted", "refused", "unknown", "returned", "released")
HARMLESS = ("returned", "released")
_KEY = "key"
#: Lines that are superseded before the file is written anew.
_PATIENCE = 1000


class JournalError(PlainError):
    """The journal can't be read or written; the text is one sentence with the mend."""


@dataclass(frozen=True)
class Entry:
    """The last that was seen of a message: `begun` or an outcome, at which attempt, the provider's own id."""

    event: str
    attempt: int
    provider_id: str = ""


@dataclass(frozen=True)
class Witness:
    """What a journal says: last entries by message id, key fingerprints by cohort, how many lines it took."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    lines: int = 0


@dataclass
class DeliveryJournal:
    """The journal of a program folder; only whoever holds the sender's lock may write into it."""

    path: Path
    _file: IO[bytes] | None = field(default=None, repr=False)

    def read(self) -> Witness:
        """What the journal says. Raises `JournalError`.

        A last line that was cut off (the power failed while it was written) counts for nothing: before its line was
        whole no message went out, and an outcome that is missing is doubt.
        """
        try:
            lines = self.path.read_bytes().decode("ascii", "surrogateescape").split("\n")[:-1]
        except FileNotFoundError:
            return Witness()
        except OSError as error:
            raise self._explain(error) from None
        entries: dict[str, Entry] = {}
        keys: dict[str, str] = {}
        for number, line in enumerate(lines, 1):
            event, first, rest = (*line.split(" ", 2), "", "")[:3]
            attempt, _, provider_id = rest.partition(" ")
            if event == _KEY and first and rest:
                keys.setdefault(rest, first)
            elif event in (BEGUN, *OUTCOMES) and first and attempt.isdigit():
                entries[first] = Entry(event, int(attempt), provider_id)
            else:
                raise JournalError(
                    f"{self.path.name} can't be read at line {number}; nothing is sent without it, so put the file "
                    "back as it was, from the newest copy that there is."
                )
        return Witness(entries, keys, len(lines))

    def begin(self, claims: Iterable[tuple[str, int]]) -> None:
        """Note that these (message id, attempt) are about to be handed over; on the disk when this returns."""
        self._append(f"{BEGUN} {message_id} {attempt}" for message_id, attempt in claims)
        self._sync()

    def settle(self, outcomes: Mapping[str, Entry]) -> None:
        """Note what became of messages.

        What lets a message go out again is on the disk when this returns; the rest is with the next batch, at the end
        at the latest, since a missing outcome is no more than doubt.
        """
        self._append(_write_entry(message_id, item) for message_id, item in outcomes.items())
        if any(item.event in HARMLESS for item in outcomes.values()):
            self._sync()

    def note_key(self, cohort_id: str, fingerprint: str) -> None:
        """Note with which key a cohort makes its message ids."""
        self._append([f"{_KEY} {fingerprint} {cohort_id}"])
        self._sync()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._sync()
        self._drop_file()

    def compact(self, witness: Witness) -> None:
        """Write one line a message if the file has become long; `witness` is what it says.

        Nothing is ever forgotten: a backup may be older than anything that is settled.
        """
        if witness.lines <= _PATIENCE + 1.5 * len(witness.entries):
            return
        self.close()
        part = DeliveryJournal(self.path.with_name(f".{self.path.name}.part"))
        try:
            part.path.unlink(missing_ok=True)
            part._append(f"{_KEY} {mark} {cohort_id}" for cohort_id, mark in witness.keys.items())
            part._append(_write_entry(message_id, item) for message_id, item in witness.entries.items())
            part.close()
            os.replace(part.path, self.path)
        except OSError as error:
            raise self._explain(error) from None
        _sync_folder(self.path.parent)

    def _append(self, lines: Iterable[str]) -> None:
        content = "".join(f"{line}\n" for line in lines).encode("ascii", "surrogateescape")
        if not content:
            return
        try:
            if self._file is None:
                self._file = self._open()
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            # Half a line may stand there now; opening the file anew removes it.
            self._drop_file()
            raise self._explain(error) from None

    def _open(self) -> IO[bytes]:
        is_new = not self.path.exists()
        file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0)
        # A line that was cut off must not become the beginning of the next one.
        file.truncate(file.read().rfind(b"\n") + 1)
        if is_new:
            _sync_folder(self.path.parent)
        return file

    def _sync(self) -> None:
        try:
            if self._file is not None:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise self._explain(error) from None

    def _drop_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _explain(self, error: Exception) -> JournalError:
        reason = (getattr(error, "strerror", None) or type(error).__name__).lower()
        return JournalError(
            f"{self.path.name} in the program folder can't be used ({reason}), and nothing is sent without it; make "
            "room on the disk and see that this user may write there, then run again."
        )


def _write_entry(message_id: str, item: Entry) -> str:
    # Whatever a provider calls its id, it stays on one line.
    provider_id = "_".join(item.provider_id.split()).encode("ascii", "backslashreplace").decode("ascii")
    return f"{item.event} {message_id} {item.attempt} {provider_id}".rstrip()


def _sync_folder(folder: Path) -> None:
    """Make a new name last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
