"""Every place that people's texts end up in, each with a real parser that shows what became of them there.

A check takes many texts, puts them all into its sink by the program's own code, reads the sink as whoever uses it
would, and asserts that each text is inert and, where the sink can hold it, unchanged. Belongs here: one check a sink.
Does not belong here: the texts (`hostile_inputs`), and whole flows.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import openpyxl
import pandas as pd
from google_program import read_tab
from message_facts import COMMON, FACTS
from outgoing_mail import MESSAGE
from playwright.sync_api import Page
from pydantic import SecretStr
from small_cohort import SmallCohort
from small_forms import PROGRAM, make_tab
from stand_ins.google_cells import Formula
from stand_ins.google_sheets import GoogleStandIn

from flows import load_flow
from mentoring.cell_text import clean_text
from mentoring.changes import AddApplication, AddPerson
from mentoring.desk import TabUpdate
from mentoring.evaluation import Answer, Participant, summarise_evaluation
from mentoring.form_headings import list_questions
from mentoring.match_review import Cell, MatchReview, ReviewedPair
from mentoring.message_markdown import clean_line, link_to, render_markdown
from mentoring.messages import render_message
from mentoring.program import Program
from mentoring.responses import read_responses
from tasks.database import format_time
from tasks.google_sheets import GoogleSheets
from tasks.local_workbooks import COMMITTEE, LocalWorkbooks, create_committee_workbook
from tasks.mail_files import write_eml
from tasks.mail_sendgrid import write_request
from tasks.people_files import _write_csv
from tasks.reports import render_report
from tasks.review_pages import render_review
from tasks.runs import RunReport
from tasks.settings import Settings
from tasks.stage import Stage, play_on
from tasks.stage_mail import StageMail
from tasks.stage_sheets import StageSheets
from tasks.steps import UnexpectedError

_numbers = count(1)
#: The sample program's cohort.
COHORT = "2027"
#: What a spreadsheet program reads as the beginning of a formula, after what it skips (OWASP, CSV injection).
_FORMULA = re.compile(r"[\s\x00-\x1f\x7f\u00a0\u200b\u2060\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]")
#: Tags and attributes that our own mails and reports are made of.
_TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "table",
        "tbody",
        "tr",
        "td",
        "th",
        "p",
        "a",
        "strong",
        "em",
        "h1",
        "h2",
        "h3",
        "ul",
        "ol",
        "li",
        "br",
        "hr",
        "div",
        "span",
        "bdi",
        "wbr",
        "blockquote",
        "svg",
        "rect",
        "line",
        "pattern",
        "defs",
        "desc",
        "text",
        "tspan",
        "g",
        "main",
        "nav",
        "section",
        "header",
        "footer",
        "figure",
        "figcaption",
        "dl",
        "dt",
        "dd",
        "thead",
        "caption",
        "small",
        "article",
        "path",
        "circle",
    ]
)
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LOOK = """pages => pages.map(source => {
  const page = new DOMParser().parseFromString(source, 'text/html');
  const all = [...page.querySelectorAll('*')];
  return {
    tags: [...new Set(all.map(each => each.localName))],
    handlers: all.flatMap(each => [...each.attributes].map(a => a.name)).filter(name => name.startsWith('on')),
    links: all.flatMap(each => ['href', 'src', 'action', 'srcdoc', 'formaction', 'xlink:href', 'data', 'background']
      .map(name => each.getAttribute(name))).filter(value => value !== null),
    hidden: page.body.querySelectorAll('style, script, template, noscript, iframe, object, img, form, input').length,
    text: page.body.textContent,
  };
})"""


def look_at_pages(
    browser_page: Page, pages: Sequence[str], ours: tuple[str, ...] = ("https://example.org/", "mailto:")
) -> list[dict[str, Any]]:
    """What a real browser makes of pages. Asserts that nothing in them runs, loads or leads anywhere unasked."""
    seen: list[dict[str, Any]] = browser_page.evaluate(_LOOK, [_make_plain(page) for page in pages])
    for page in seen:
        assert set(page["tags"]) <= _TAGS, set(page["tags"]) - _TAGS
        assert page["handlers"] == []
        assert page["hidden"] == 0
        strange = [link for link in page["links"] if not link.startswith(ours)]
        assert strange == []
    return seen


def _make_plain(page: str) -> str:
    # The browser's remote control speaks UTF-8, which has no lone surrogates: a page that holds one is no page.
    return page.encode().decode()


def _squeeze(text: str) -> str:
    return re.sub(r"[\s\u200b]+", "", text)


def check_database(cohort: SmallCohort, texts: Sequence[str]) -> None:
    """Through reading the form into people and applications; read by a connection of its own."""
    database, number = cohort.run.database, next(_numbers)
    rows = [
        {
            "Timestamp": "2027-01-12 09:14:03",
            "First name": text,
            "Your goals": text,
            "Email Address": "x@example.org",
        }
        for text in texts
    ]
    responses = read_responses(PROGRAM, "mentee", make_tab("mentee", *rows))
    assert len(responses) == len(texts)
    tables = _list_tables(cohort)
    changes: list[Any] = []
    for place, response in enumerate(responses):
        key = f"{number}-{place}"
        name = response.answers["name"]
        changes += [
            AddPerson(f"p{key}", f"{key}@example.org", f"{key}@example.org", name),
            AddApplication(
                f"a{key}",
                "mentee",
                f"p{key}",
                f"r{key}",
                place,
                format_time(cohort.run.now),
                0,
                json.dumps(dict(response.answers)),
            ),
        ]
    cohort.apply(*changes)
    with database.open_session() as session:
        run = session.connection.execute
        stored = {
            row["application_id"]: row["answers"]
            for row in run("SELECT application_id, answers FROM applications")
        }
        names = {row["person_id"]: row["full_name"] for row in run("SELECT person_id, full_name FROM people")}
        noted = "\n".join(
            f"{row['entity_id']} {row['detail']}" for row in run("SELECT entity_id, detail FROM audit_log")
        )
    for place, text in enumerate(texts):
        key = f"{number}-{place}"
        assert json.loads(stored[f"a{key}"])["goals_text"] == clean_text(text)
        assert names[f"p{key}"] == responses[place].answers["name"]
        assert len(_squeeze(text)) < 20 or text not in noted
    assert _list_tables(cohort) == tables


def _list_tables(cohort: SmallCohort) -> set[str]:
    query = (
        "SELECT name FROM sqlite_master"
        if cohort.run.database.is_sqlite
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    with cohort.run.database.open_session() as session:
        return {row["name"] for row in session.connection.execute(query)}


def _make_update(texts: Sequence[str]) -> TabUpdate:
    rows = [
        {"Reference": f"ref-{place:05d}", "Role": "mentee", "Name": text, "What to fix": text}
        for place, text in enumerate(texts)
    ]
    return TabUpdate("Applications", rows, remove_missing=True)


def _expect_cell(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", lines)[:32_767]


def check_local_sheet(folder: Path, texts: Sequence[str]) -> None:
    """A cell of `committee.xlsx`; read by openpyxl, and as XML for formulas, links and outside parts."""
    path = folder / COMMITTEE
    if not path.exists():
        create_committee_workbook(path)
    LocalWorkbooks(folder, PROGRAM.zone).write_committee([_make_update(texts)])
    sheet = openpyxl.load_workbook(path)["Applications"]
    head = [cell.value for cell in sheet[1]]
    found = {}
    for row in sheet.iter_rows(min_row=2):
        for heading in ("Name", "What to fix"):
            cell = row[head.index(heading)]
            assert cell.data_type in ("s", "n", "inlineStr"), cell.data_type
            assert cell.data_type != "n" or cell.value is None
            if _FORMULA.match(str(cell.value or "")):
                assert cell.quotePrefix
            found[str(row[head.index("Reference")].value), heading] = str(cell.value or "")
    for place, text in enumerate(texts):
        for heading in ("Name", "What to fix"):
            shown = re.sub(
                r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), found[f"ref-{place:05d}", heading]
            )
            assert shown == _expect_cell(text)[: len(shown)] or len(text) > 32_000
            assert shown or not _expect_cell(text)
    with zipfile.ZipFile(path) as parts:
        assert not [name for name in parts.namelist() if "externalLink" in name or "vba" in name.casefold()]
        for name in parts.namelist():
            if name.startswith("xl/worksheets/sheet"):
                root = ElementTree.fromstring(parts.read(name))
                assert not list(root.iter(f"{_SHEET}f"))
            if name.startswith("xl/worksheets/_rels/"):
                # The first tab's own links lead to tabs of the same file.
                links = [link.get("Target", "") for link in ElementTree.fromstring(parts.read(name))]
                assert not [link for link in links if "//" in link or link.startswith("mailto:")]


def check_google_sheet(google: GoogleStandIn, settings: Settings, texts: Sequence[str]) -> None:
    """A cell of the committee's spreadsheet at Google: what the API was told, and what it holds."""
    assert settings.program.google
    google.forget_calls()
    GoogleSheets(settings).write_committee([_make_update(texts)])
    for row in google.read(settings.program.google.committee, "Applications"):
        assert not [value for value in row if isinstance(value, Formula)]
    rows = {row["Reference"]: row for row in read_tab(settings, "Applications")}
    for place, text in enumerate(texts):
        kept = _expect_cell(text)
        for heading in ("Name", "What to fix"):
            assert rows[f"ref-{place:05d}"][heading].strip() == _strip(kept)


def _strip(text: str) -> str:
    from tasks.workbook_cells import trim

    return trim(text).strip()


def check_csv(folder: Path, texts: Sequence[str]) -> None:
    """The tables that `mentoring match` writes; read by the csv module and by pandas."""
    path = folder / "export.csv"
    _write_csv(pd.DataFrame({"number": range(len(texts)), "why": [clean_text(text) for text in texts]}), path)
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True))
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, lineterminator=None)
    assert len(rows) == len(texts) + 1 == len(frame) + 1
    for place, text in enumerate(texts):
        number, cell = rows[place + 1]
        assert number == str(place)
        assert not _FORMULA.match(cell)
        assert cell in (clean_text(text), f"'{clean_text(text)}")


def check_mail_header(texts: Sequence[str]) -> None:
    """Name and subject of an `.eml`, and of a request to SendGrid; read by the email package and as JSON."""
    for text in texts:
        message = replace(MESSAGE, to_name=text, from_name=text, subject=text)
        raw = write_eml(message)
        head, _, _ = raw.partition(b"\r\n\r\n")
        names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
        assert len(names) == len(set(names))
        assert not {b"Bcc", b"Cc"} & set(names)
        assert b"\r" not in head.replace(b"\r\n", b"")
        assert b"\n" not in head.replace(b"\r\n", b"")
        assert max(map(len, head.split(b"\r\n"))) <= 998
        mail = message_from_bytes(raw, policy=policy.default)
        assert [each.addr_spec for each in mail["To"].addresses] == ["ana.ortiz@example.org"]
        assert [each.addr_spec for each in mail["From"].addresses] == ["noreply@example.com"]
        subject = (
            str(make_header(decode_header(message_from_bytes(raw)["Subject"]))) if clean_line(text) else ""
        )
        assert _squeeze(subject) == _squeeze(clean_line(text)) or len(text) > 900 or not subject.isascii()
        check_request(json.loads(json.dumps(write_request(message))), message.message_id)


def check_request(body: dict[str, Any], message_id: str) -> None:
    """What SendGrid gets beside the mail itself: nobody's words, and nothing that it would fill in."""
    [person] = body["personalizations"]
    assert set(person) <= {"to", "custom_args"}
    assert len(person["to"]) == 1
    assert person["custom_args"] == {"mentoring_message": message_id}
    assert not {"template_id", "sections", "substitutions", "dynamic_template_data", "custom_args"} & set(
        body
    )
    assert not re.search(
        "[\r\n\0]",
        json.dumps([person["to"], body["subject"], body["headers"]]).encode().decode("unicode_escape"),
    )


def check_mail(browser_page: Page, texts: Sequence[str]) -> None:
    """An introduction full of them, ten answers a mail: HTML as a browser parses it, and the plain text."""
    mails = [_render(texts[start : start + 10]) for start in range(0, len(texts), 10)]
    seen = look_at_pages(browser_page, [mail.html for mail in mails])
    for number, (mail, page) in enumerate(zip(mails, seen, strict=True)):
        for text in texts[number * 10 : number * 10 + 10]:
            for line in filter(None, map(_squeeze, _list_shown(text))):
                assert line in _squeeze(page["text"]), line
                assert line in _squeeze(mail.text), line
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", mail.text)
        assert mail.subject == clean_line(mail.subject)


def _list_shown(text: str) -> list[str]:
    from mentoring.message_markdown import clean_lines

    return clean_lines(text)


def _render(texts: Sequence[str]) -> Any:
    facts = {**COMMON, **FACTS["introduction_mentor"]}
    facts["mentee"] = {**facts["mentee"], "name": texts[0], "institution": texts[-1], "phone": texts[0]}
    facts["application"] = [{"label": "Goals", "value": text} for text in texts]
    facts["why"] = list(texts)
    return render_message("introduction_mentor", facts)


def check_report(browser_page: Page, program: Program, texts: Sequence[str]) -> None:
    """Quotes in the board's report, as a browser parses the page."""
    people = [Participant(f"p{place}", "mentee", f"m{place}", True) for place in range(len(texts))]
    answers = [
        Answer(each.participant_id, "mentee", each.match_id, {"comment": text, "quote_consent": "Yes"})
        for each, text in zip(people, texts, strict=True)
    ]
    summary = summarise_evaluation(people, answers, program.evaluation, [], {})
    page = render_report(summary, program, "2027", date(2027, 12, 12))
    [seen] = look_at_pages(browser_page, [page])
    for group in summary.quotes:
        for quote in group.quotes:
            assert _squeeze(quote.text) in _squeeze(seen["text"])


def check_review(browser_page: Page, program: Program, texts: Sequence[str]) -> None:
    """Names, answers and sentences on the committee's match review, as a browser parses the page."""
    cleaned = [clean_text(text) for text in texts]
    pairs = tuple(
        ReviewedPair(
            "2027-match-001",
            text,
            text,
            70,
            text,
            ((text, 7, 10),),
            text,
            text,
            (text,),
            ((text, text, text),),
        )
        for text in cleaned
    )
    rows = tuple((text, (Cell(70, 2, True),)) for text in cleaned)
    review = MatchReview(pairs, tuple(cleaned[:1]), rows, tuple(cleaned))
    [seen] = look_at_pages(browser_page, [render_review(review, program, "2027", date(2027, 2, 12))], ("#",))
    shown = _squeeze(seen["text"])
    for text in cleaned:
        assert shown.count(_squeeze(text)) >= 12


def check_artifact(browser_page: Page, texts: Sequence[str]) -> None:
    """A run's page: its sentences hold no answers, and even if one did, Markdown makes nothing of it but text."""
    now = MESSAGE.date
    report = RunReport("ingest-applications", "2027", now, False, {"sent": 1}, tuple(texts), ())
    from markdown_it import MarkdownIt

    # As forgiving as a viewer can be: raw HTML and bare links are taken.
    viewer = MarkdownIt("commonmark", {"html": True})
    [seen] = look_at_pages(browser_page, [f"<body>{viewer.render(report.write_markdown())}"])
    assert seen["links"] == []


def check_log(folder: Path, program: Program, good: Mapping[str, str], texts: Sequence[str]) -> None:
    """The log of an intake in which everybody wrote them, as a file has it, and of a step that broke down on each.

    `good` are answers of a mentee, by question, which the text takes the place of wherever one may write freely.
    """
    opens = datetime.combine(program.cohorts[COHORT].applications_open, time(14), program.zone)
    place = folder / f"log-{next(_numbers)}"
    place.mkdir()
    database = SecretStr(f"sqlite:///{place / 'mentoring.sqlite'}")
    plain = program.model_copy(update={"sheets": "local", "mail": "files"})
    stage = Stage(
        Settings(place, plain, database, "local", "files"), StageSheets(plain, "log"), StageMail("log")
    )
    asked = {name: found[0] for name, found in list_questions(plain, "mentee").items()}
    free = [asked[name] for name in ("name", "phone", "pronouns", "institution", "goals_text", "languages")]
    rows = [
        {**good, **dict.fromkeys(free, text), asked["email"]: f"h{at}@example.org"}
        for at, text in enumerate(texts)
    ]
    stage.sheets.append_form_rows("mentee", rows)
    root, level = logging.getLogger(), logging.getLogger().level
    handler = logging.FileHandler(place / "run.log", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("LINE %(levelname)s %(name)s %(message)s"))
    # A warning of the interpreter about a library's code has lines of its own.
    handler.addFilter(lambda record: record.name != "py.warnings")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with play_on(stage):
            report = load_flow("ingest-applications").fn(cohort=COHORT, as_of=opens)
        root.info("%s", report.describe_counts())
        for text in texts:
            root.error("%s", UnexpectedError("read the desk", ValueError(text)))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
    assert report.counts["new applications"] == len(texts)
    lines = (place / "run.log").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) >= len(texts) + 1
    # One record is one line, so that nobody writes lines of their own.
    assert [line for line in lines if not line.startswith("LINE ") or not line.isprintable()] == []
    log = _squeeze("\n".join(lines))
    assert not [text for text in texts if len(_squeeze(text)) > 12 and _squeeze(text) in log]


@dataclass(frozen=True)
class PrefilledLink:
    """A form's link as `program.yaml` has it."""

    template: str = "https://example.org/viewform?usp=pp_url&entry.1={token}&entry.2=x"

    def check(self, texts: Sequence[str]) -> None:
        """What goes into it is our own reference, whatever the link is called; and what somebody writes into a link
        of their own leads nowhere else and adds nothing to the page.
        """
        for text in texts:
            self._check_written(text)
            html, _ = render_markdown(link_to(text, self.template.replace("{token}", "0123456789abcdef")))
            [address] = re.findall(r'href="([^"]*)"', html)
            parts = urlsplit(address.replace("&amp;", "&"))
            assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "example.org", "")
            assert dict(parse_qsl(parts.query)) == {
                "usp": "pp_url",
                "entry.1": "0123456789abcdef",
                "entry.2": "x",
            }

    def _check_written(self, text: str) -> None:
        html, _ = render_markdown(link_to("Form", self.template.replace("{token}", text)))
        tags = _Tags()
        tags.feed(html)
        tags.close()
        assert [name for name, _ in tags.found if name not in ("p", "a", "br")] == []
        links = [dict(attributes) for name, attributes in tags.found if name == "a"]
        assert len(links) <= 1
        for link in links:
            parts = urlsplit(link["href"])
            assert (set(link) - {"href"}, parts.scheme, parts.netloc) == (set(), "https", "example.org")
            assert parts.path == "/viewform"
            assert parts.query.startswith("usp=pp_url&entry.1=")


class _Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.append((tag, [(name, value or "") for name, value in attrs]))
