"""Pages to browse a mail folder: `index.html`, and one page per message beside it.

Belongs here: the pages' content and files. Does not belong here: the messages' own files
(`tasks.mail_files`). The pages load nothing from anywhere: styles and script are inside, and a Content-
Security-Policy refuses the rest.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mentoring.messages import KINDS
from tasks.mail_files import list_messages, lock_folder, read_head, write_private

if TYPE_CHECKING:
    from jinja2 import Environment

PAGES = "pages"


@dataclass(frozen=True)
class File:
    """A file attached to a message; `address` holds its whole content, so that a page needs no file beside it."""

    name: str
    size: str
    address: str


@dataclass(frozen=True)
class Entry:
    """One message as listed; `date` as the message says it, `stem` its file's name without “.eml”."""

    stem: str
    kind: str
    label: str
    date: datetime
    name: str
    address: str
    subject: str
    has_files: bool

    @property
    def month(self) -> str:
        """Month in words: “March 2027”."""
        return f"{self.date:%B %Y}"


def write_index(folder: Path, program: str = "Mentoring program") -> Path:
    """Write the list of the folder's messages and the pages that are missing; returns the list's path.

    Pages of messages that are gone are deleted; a page that is there already is not written again. Raises
    OSError.
    """
    with lock_folder(folder):
        names = list_messages(folder)
        (folder / PAGES).mkdir(mode=0o700, exist_ok=True)
        existing = {page.stem: page for page in (folder / PAGES).glob("*.html")}
        entries = [_read_entry(folder / name) for name in names]
        for entry in entries:
            if entry.stem not in existing:
                _write_page(folder, entry)
        for stem in existing.keys() - {entry.stem for entry in entries}:
            existing[stem].unlink()
        write_private(folder / "index.html", _render_list(entries, program).encode())
    return folder / "index.html"


def _read_entry(path: Path) -> Entry:
    head = read_head(path)
    kind = head["X-Mentoring-Kind"]
    name, address = _split_person(head["To"])
    label = KINDS[kind].label if kind in KINDS else kind.replace("_", " ").capitalize()
    date = parsedate_to_datetime(head["Date"])
    has_files = head["Content-Type"].startswith("multipart/mixed")
    return Entry(path.stem, kind, label, date, name or address, address, head["Subject"], has_files)


def _split_person(value: str) -> tuple[str, str]:
    """Name (or "") and address of a decoded header, which holds exactly one person."""
    before, _, address = value.rpartition("<")
    name = before.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, address.removesuffix(">")


def _render_list(entries: list[Entry], program: str) -> str:
    newest_first = sorted(entries, key=lambda entry: (entry.date, entry.stem), reverse=True)
    months = [(month, list(group)) for month, group in groupby(newest_first, key=lambda entry: entry.month)]
    style, script = _read_asset("mail.css"), _read_asset("mail_index.js")
    return (
        _load_templates()
        .get_template("mail_index.html")
        .render(
            program=program,
            months=months,
            kinds=sorted(Counter(entry.label for entry in entries).items()),
            messages=len(entries),
            people=len({entry.address for entry in entries}),
            style=style,
            style_hash=_hash(style),
            script=script,
            script_hash=_hash(script),
        )
    )


def _write_page(folder: Path, entry: Entry) -> None:
    path = folder / f"{entry.stem}.eml"
    head, script = read_head(path), _read_asset("mail_page.js")
    # The parser that leaves headers alone: a thousand mails' worth of them takes seconds to take apart.
    parts = list(message_from_bytes(path.read_bytes()).walk())
    bodies = {part.get_content_type(): part for part in parts if part.get_filename() is None}
    page, text = (_read_body(bodies.get(kind)) for kind in ("text/html", "text/plain"))
    shown = (
        _load_templates()
        .get_template("mail_page.html")
        .render(
            entry=entry,
            sender=_split_person(head["From"]),
            answers_to=head["Reply-To"],
            # Links of the mail open beside the list; inside the frame the policy would refuse them.
            page=page.replace("<head>", '<head><base target="_blank">', 1),
            text=text,
            files=[_read_file(part) for part in parts if part.get_filename() is not None],
            style=_read_asset("mail.css"),
            script=script,
            script_hash=_hash(script),
        )
    )
    write_private(folder / PAGES / f"{entry.stem}.html", shown.encode())


def _read_body(part: Message | None) -> str:
    content = part.get_payload(decode=True) if part is not None else b""
    return content.decode("utf-8").replace("\r\n", "\n") if isinstance(content, bytes) else ""


def _read_file(part: Message) -> File:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes), "a file is no message of several parts"
    address = f"data:{part.get_content_type()};base64,{b64encode(content).decode()}"
    return File(part.get_filename() or "", f"{max(1, round(len(content) / 1000))} kB", address)


def _hash(source: str) -> str:
    """How a Content-Security-Policy names a piece of inline style or script."""
    return f"sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}"


@cache
def _read_asset(name: str) -> str:
    return (Path(__file__).parent / "mail_templates" / name).read_text(encoding="utf-8")


@cache
def _load_templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "mail_templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
