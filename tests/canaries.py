"""Some twenty marked values in the sample year's people, and the places to look for them.

Belongs here: marking and looking. Does not belong here: which place may hold one (the tests).
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from deployments.sample_people import SamplePeople

#: Three people who write most of what the program asks for: a mentor, a mentor who leaves, a mentee who is rematched.
MARKED_PEOPLE = ("margaret.olafsson@example.org", "camille.thibodeaux@example.net", "samir.nolan@example.org")
_ANSWERS = (
    "Your name",
    "Telephone number (optional)",
    "Where do you work or study?",
    "Your pronouns (optional)",
)


@dataclass
class Canaries:
    """The marks, with what each was put into."""

    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, text: str, where: str) -> str:
        """The text with a new mark behind it."""
        mark = f"Kanarienvogel{len(self.marks) + 1:02d}Q"
        self.marks[mark] = where
        return f"{text} {mark}"

    def plant(self, people: SamplePeople) -> None:
        """Mark what the three people write in their applications, requests, check-ins and evaluations."""
        for rows in people._responses.values():
            for row in rows:
                if row["Email Address"] in MARKED_PEOPLE:
                    row.update({name: self.mark(row[name], name) for name in _ANSWERS if name in row})
        for kind in ("requests", "check_ins"):
            for item in people.timeline[kind]:
                if item["email"] in MARKED_PEOPLE and item.get("comment"):
                    item["comment"] = self.mark(item["comment"], kind)
                    if kind == "check_ins":
                        item["fallback"] = self.mark("Ring the desk", "fallback of check_ins")
        for item in people.timeline["evaluations"]:
            if item["email"] in MARKED_PEOPLE:
                names = ("most_valuable", "improve")
                item["answers"].update({name: self.mark(item["answers"][name], name) for name in names})

    def find_in(self, content: bytes) -> set[str]:
        """The marks that the content holds."""
        return {
            mark for mark in self.marks if mark.encode() in content or mark.encode("utf-16-le") in content
        }

    def find_in_files(self, paths: Iterable[Path]) -> dict[str, set[str]]:
        """Files with the marks that they hold; workbooks are unpacked."""
        found = {path.name: self.find_in(_read(path)) for path in paths if path.is_file()}
        return {name: marks for name, marks in found.items() if marks}


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as parts:
            content += b"".join(parts.read(name) for name in parts.namelist())
    if path.suffix == ".eml":
        from tasks.mail_files import read_eml, read_head

        mail = read_eml(path)
        bodies = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
        content += "\n".join([*map(str, bodies), *read_head(path).values()]).replace("\n", " ").encode()
    return content


class LogCollector(logging.Handler):
    """Everything that anybody logs while it is attached, tracebacks included, whatever level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
