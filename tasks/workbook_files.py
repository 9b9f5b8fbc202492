"""Workbook files: read whole, changed under a lock, replaced in one step; a crash leaves the old file.

Belongs here: opening, locking, saving and the plain sentence when that can't be. Does not belong here: what
is in a workbook (`tasks.workbook_tabs`, `tasks.workbook_looks`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from tasks.sheets import SheetError

if TYPE_CHECKING:
    from openpyxl import Workbook

Result = TypeVar("Result")
Thing = TypeVar("Thing")

#: How often a change is made anew because somebody saved the file in between.
TRIES = 5
#: Seconds to wait for another run of ours that writes the same file.
PATIENCE = 30.0

_OLD_CONTAINER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RICH_TEXT = re.compile(rb"<(?:\w+:)?rPr[>\s]")


@dataclass(frozen=True)
class Snapshot:
    """The bytes of a file and the mark by which a later change of it shows: file number, time and size."""

    path: Path
    content: bytes
    mark: tuple[int, int, int]


def take_snapshot(path: Path) -> Snapshot:
    """Read the whole file; raise `SheetError` if it is not there or not readable."""
    for _ in range(TRIES):
        try:
            with path.open("rb") as file:
                before = _mark(os.fstat(file.fileno()))
                content = file.read()
                after = _mark(os.fstat(file.fileno()))
        except FileNotFoundError:
            raise SheetError(
                f"{path.name} is not in the program folder; put it back there, "
                "or make a new one with `mentoring init`."
            ) from None
        except OSError:
            raise SheetError(
                f"{path.name} can't be read; give yourself permission to read it and run again."
            ) from None
        if before == after and len(content) == after[2]:
            return Snapshot(path, content, after)
    raise _keeps_changing(path)


def _mark(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mtime_ns, status.st_size


class Kept(Generic[Thing]):
    """What was made of the latest files, each good for as long as its file holds the same bytes.

    Parsing takes longer than everything else that is done with a workbook.
    """

    def __init__(self, files: int = 2) -> None:
        self._files = files
        self._things: dict[Path, tuple[bytes, Thing]] = {}
        self._lock = Lock()

    def take(self, snapshot: Snapshot) -> Thing | None:
        """Hand over what was made of just these bytes, and keep it no longer."""
        with self._lock:
            content, thing = self._things.pop(snapshot.path.resolve(), (b"", None))
        return thing if content == snapshot.content else None

    def keep(self, path: Path, content: bytes, thing: Thing) -> None:
        """Keep what was made of the file, in place of what is oldest."""
        with self._lock:
            self._things[path.resolve()] = (content, thing)
            while len(self._things) > self._files:
                del self._things[next(iter(self._things))]


_saved: Kept[Workbook] = Kept()


def read_workbook(snapshot: Snapshot, read: Callable[[Workbook], Result]) -> Result:
    """Open the workbook and return what `read` makes of it; only tabs that it looks at are parsed.

    `read` leaves the workbook as it is. Raises `SheetError` when the file is not a workbook.
    """
    kept = _saved.take(snapshot)
    if kept:
        result = read(kept)
        _saved.keep(snapshot.path, snapshot.content, kept)
        return result
    workbook = _load_workbook(snapshot, read_only=True)
    try:
        return read(workbook)
    except (BadZipFile, ParseError):
        raise _damaged(snapshot.path) from None
    finally:
        workbook.close()


def _load_workbook(snapshot: Snapshot, read_only: bool = False) -> Workbook:
    import openpyxl

    _require_workbook(snapshot)
    try:
        # Reading every text as rich text costs a third more, and few workbooks have any.
        rich_text = not read_only and _has_rich_text(snapshot)
        return openpyxl.load_workbook(BytesIO(snapshot.content), read_only=read_only, rich_text=rich_text)
    except (KeyError, ValueError, OSError, BadZipFile, ParseError, TypeError, IndexError):
        # What exactly was wrong may quote a cell.
        raise _damaged(snapshot.path) from None


def _require_workbook(snapshot: Snapshot) -> None:
    name = snapshot.path.name
    if snapshot.content.startswith(_OLD_CONTAINER):
        if "EncryptedPackage".encode("utf-16-le") in snapshot.content:
            raise SheetError(f"{name} has a password; save it without one and run again.")
        raise SheetError(f"{name} is in an old format; save it as an Excel workbook (.xlsx) and run again.")
    if not snapshot.content.startswith(b"PK"):
        raise SheetError(f"{name} is not an Excel workbook; save it as .xlsx and run again.")


def _has_rich_text(snapshot: Snapshot) -> bool:
    with ZipFile(BytesIO(snapshot.content)) as parts:
        return any(
            _RICH_TEXT.search(parts.read(name))
            for name in parts.namelist()
            if name.endswith("sharedStrings.xml") or "/worksheets/sheet" in name
        )


def _damaged(path: Path) -> SheetError:
    return SheetError(
        f"{path.name} is damaged or not an Excel workbook; restore an earlier copy and run again."
    )


def _keeps_changing(path: Path) -> SheetError:
    return SheetError(
        f"{path.name} was saved by somebody each time it was to be written; run again in a moment."
    )


def change_workbook(path: Path, change: Callable[[Workbook], bool]) -> bool:
    """Open the workbook, change it and save it in one step; return whether it was written.

    `change` gets the workbook and tells whether it changed anything: if not, the file stays as it is, byte
    for byte. It may be called again with a fresh workbook when somebody saved the file meanwhile. Raises
    `SheetError` when the file can't be read or written, or is open in a spreadsheet program.
    """
    path = path.resolve()
    with _hold_lock(path):
        for _ in range(TRIES):
            snapshot = take_snapshot(path)
            workbook = _saved.take(snapshot) or _parse(snapshot)
            if not change(workbook):
                return False
            _refuse_if_open(path)
            if _replace(path, workbook, snapshot.mark):
                return True
    raise _keeps_changing(path)


def _parse(snapshot: Snapshot) -> Workbook:
    from tasks.workbook_rows import free_rows

    workbook = _load_workbook(snapshot)
    free_rows(workbook, snapshot.content)
    return workbook


def create_workbook(path: Path, workbook: Workbook) -> None:
    """Save a new workbook; raise `SheetError` if the file is there already."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _hold_lock(path):
        if path.exists():
            raise SheetError(f"{path.name} is there already; move it away first if you want a new one.")
        _replace(path, workbook, None)


@contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise SheetError(
            f"{path.name} is being written by another run; run again when that has finished."
        ) from None
    except OSError:
        raise _not_writable(path) from None
    try:
        yield
    finally:
        lock.release()


def _not_writable(path: Path) -> SheetError:
    return SheetError(
        f"{path.name} can't be written; see that its folder may be written to and has space left, "
        "and run again."
    )


def _refuse_if_open(path: Path) -> None:
    # Excel and LibreOffice leave these beside an open workbook; saving there would undo our change.
    if any(path.with_name(name).exists() for name in (f"~${path.name}", f".~lock.{path.name}#")):
        raise _open_elsewhere(path)


def _open_elsewhere(path: Path) -> SheetError:
    return SheetError(f"{path.name} is open in another program; close it and run again.")


def _replace(path: Path, workbook: Workbook, mark: tuple[int, int, int] | None) -> bool:
    """Save beside the file and put it in its place if the file still has the mark; return whether it had."""
    saved = BytesIO()
    workbook.save(saved)
    content = saved.getvalue()
    # A fixed name: what a crash leaves behind is overwritten by the next writer, who holds the lock.
    beside = path.with_name(f".{path.name}.new")
    try:
        with open(beside, "wb", opener=_open_for_the_owner) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mark is not None:
            status = path.stat()
            if _mark(status) != mark:
                beside.unlink()
                return False
            beside.chmod(status.st_mode & 0o7777)
        os.replace(beside, path)
        _sync_folder(path.parent)
    except FileNotFoundError:
        beside.unlink(missing_ok=True)
        return False
    except OSError:
        beside.unlink(missing_ok=True)
        # Windows refuses to replace a file that a program holds open.
        raise (_open_elsewhere(path) if os.name == "nt" else _not_writable(path)) from None
    # openpyxl saves a picture once only.
    if not any(sheet._images or sheet._charts for sheet in workbook.worksheets):
        _saved.keep(path, content, workbook)
    return True


def _open_for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
