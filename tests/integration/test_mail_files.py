"""Mail written to a folder: the files, what they hold, and the pages to browse them in a real browser."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, sync_playwright

from mentoring.message_markdown import clean_line
from mentoring.messages import Attachment
from tasks.mail import Delivery, MailBackend, MailError, OutgoingMessage
from tasks.mail_files import FileMail, list_messages, read_eml, read_head, remove_messages, write_eml
from tasks.mail_index import write_index

NEW_YORK = timezone(timedelta(hours=-5))
MESSAGE = OutgoingMessage(
    message_id="m-1",
    kind="introduction_mentor",
    to_address="ana.ortiz@example.org",
    to_name="Ana María Ortiz",
    from_address="noreply@example.org",
    from_name="Serials Mentoring Program",
    reply_to="mentoring@example.org",
    subject="Meet your mentee, 田中 花子",
    text="Dear Ana María,\n\nGrüße = ok\n.\nFrom here on\n",
    html="<html><head><title>t</title></head><body><p>Dear Ana María</p></body></html>\n",
    date=datetime(2027, 3, 1, 8, 5, tzinfo=NEW_YORK),
)
NAME = "2027-03-01T1305-introduction_mentor-m-1.eml"


def change(**fields: Any) -> OutgoingMessage:
    return replace(MESSAGE, **fields)


def test_a_message_becomes_one_file_that_reads_back(tmp_path: Path) -> None:
    backend: MailBackend = FileMail(tmp_path / "mail")
    assert backend.send(MESSAGE) == Delivery("accepted", provider_id=NAME.removesuffix(".eml"))
    assert list_messages(tmp_path / "mail") == [NAME]
    mail = message_from_bytes((tmp_path / "mail" / NAME).read_bytes(), policy=policy.default)
    assert mail["To"].addresses[0].addr_spec == "ana.ortiz@example.org"
    assert mail["To"].addresses[0].display_name == "Ana María Ortiz"
    assert mail["From"].addresses[0].display_name == "Serials Mentoring Program"
    assert mail["Reply-To"] == "mentoring@example.org"
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Date"].datetime == MESSAGE.date
    assert mail["Message-ID"] == "<m-1@example.org>"
    assert mail["X-Mentoring-Kind"] == "introduction_mentor"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    text, page = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert (text, page) == (MESSAGE.text, MESSAGE.html)
    assert mail.defects == []


def test_lines_and_line_ends_are_as_mail_wants_them() -> None:
    content = write_eml(change(text="ü" * 500, html="<p>" + "x " * 600))
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(len(line) for line in content.split(b"\r\n")) <= 78


def test_folder_and_files_are_their_owners_only(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    FileMail(folder).send(MESSAGE)
    write_index(folder)
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert not list(folder.glob("*.part"))


def test_sending_again_changes_nothing(tmp_path: Path) -> None:
    first = FileMail(tmp_path).send(MESSAGE)
    before = (tmp_path / NAME).read_bytes()
    again = FileMail(tmp_path).send(change(subject="Other", date=MESSAGE.date + timedelta(days=1)))
    assert again == first
    assert list_messages(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == before


def test_ids_that_end_alike_are_different_messages(tmp_path: Path) -> None:
    for message_id in ("b-m-1", "m-1", "1"):
        FileMail(tmp_path).send(change(message_id=message_id))
    assert len(list_messages(tmp_path)) == 3


@pytest.mark.threat("races without loss or double", 1)
def test_senders_at_once_write_each_message_once(tmp_path: Path) -> None:
    messages = [change(message_id=f"m{n % 5}", date=MESSAGE.date + timedelta(days=n)) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        deliveries = list(pool.map(lambda message: FileMail(tmp_path).send(message), messages))
    assert {delivery.outcome for delivery in deliveries} == {"accepted"}
    assert len(list_messages(tmp_path)) == 5
    assert len({delivery.provider_id for delivery in deliveries}) == 5


def test_names_sort_by_time_whatever_the_time_zone(tmp_path: Path) -> None:
    moments = [datetime(2027, 3, 1, 12, tzinfo=UTC), datetime(2027, 3, 1, 8, tzinfo=NEW_YORK)]
    for number, moment in enumerate(moments):
        FileMail(tmp_path).send(change(message_id=f"m{number}", date=moment))
    assert [name[-6:-4] for name in list_messages(tmp_path)] == ["m0", "m1"]


HOSTILE = [
    "Ana\r\nBcc: all@example.org",
    "Ana\nSubject: other",
    "Ana\x00\x0b\x85\u2028X-Other: 1",
    "Ortiz, Ana <other@example.org>",
    '"Ana" <other@example.org>, Bo',
    "Ortiz, Ana Maria " * 9,
    'Van der "Berg", ' * 9,
    "x" * 2000,
    "=?utf-8?b?YQpCY2M6IGFsbEBleGFtcGxlLm9yZw==?=",
    "田中太郎" * 60,
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_name_or_subject_can_add_a_header_or_a_recipient(hostile: str) -> None:
    content = write_eml(change(to_name=hostile, from_name=hostile, subject=hostile))
    head = message_from_bytes(content)
    assert list(head.keys()) == list(message_from_bytes(write_eml(MESSAGE)).keys())
    assert [address for _, address in getaddresses([head["To"]])] == ["ana.ortiz@example.org"]
    assert [address for _, address in getaddresses([head["From"]])] == ["noreply@example.org"]
    assert clean_line(str(make_header(decode_header(head["Subject"])))) == clean_line(hostile)


@given(words=st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_names_and_subjects_read_back_as_they_were(words: str) -> None:
    head = message_from_bytes(write_eml(change(to_name=words, subject=words)))
    assert list(head.keys()) == list(message_from_bytes(write_eml(MESSAGE)).keys())
    [(name, address)] = getaddresses([re.sub(r"\r\n(?= )", "", str(head["To"]))])
    assert address == "ana.ortiz@example.org"
    assert str(make_header(decode_header(name))) == clean_line(words)[:120].strip()
    assert clean_line(str(make_header(decode_header(head["Subject"])))) == clean_line(words)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "ana@",
        "a b@example.org",
        "a@example.org, b@example.org",
        "a@b\r\nBcc: c@d",
        "<a@example.org>",
        "a@b@c",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(tmp_path: Path, address: str) -> None:
    for fields in ({"to_address": address}, {"reply_to": address}, {"from_address": address}):
        delivery = FileMail(tmp_path).send(change(**fields))
        assert delivery.outcome == "refused"
        assert delivery.problem == "An address of this message is not an e-mail address; please correct it."
    assert list(tmp_path.iterdir()) == []


def test_an_international_address_is_kept(tmp_path: Path) -> None:
    FileMail(tmp_path).send(change(to_address="jürgen@bücher.example"))
    assert read_head(tmp_path / NAME)["To"] == "Ana María Ortiz <jürgen@bücher.example>"
    assert read_eml(tmp_path / NAME).get_body(("plain",)).get_content() == MESSAGE.text  # type: ignore[union-attr]


def test_a_folder_that_cannot_be_written_is_no_arrival(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file stands in the way")
    delivery = FileMail(tmp_path / "mail").send(MESSAGE)
    assert delivery.outcome == "not_arrived"
    assert delivery.problem.startswith("The mail folder can't be written (")


def test_a_failure_while_writing_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    delivery = FileMail(tmp_path).send(MESSAGE)
    problem = "The mail folder can't be written (No space left on device); please make room there."
    assert delivery == Delivery("not_arrived", problem=problem)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "fields", [{"message_id": "../x"}, {"message_id": ""}, {"kind": "a/b"}, {"date": datetime(2027, 3, 1)}]
)
def test_a_message_that_cannot_be_right_is_not_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="A message's"):
        change(**fields)


def test_a_message_keeps_people_out_of_logs() -> None:
    moment = datetime(2027, 3, 1, tzinfo=UTC)
    shown = f"OutgoingMessage(message_id='m-1', kind='introduction_mentor', date={moment!r})"
    assert repr(change(date=moment)) == shown


def test_index_is_cheap_to_write_again_and_forgets_what_is_gone(tmp_path: Path) -> None:
    for number in range(3):
        FileMail(tmp_path).send(change(message_id=f"m{number}"))
    index = write_index(tmp_path)
    pages = {path: path.stat().st_mtime_ns for path in (tmp_path / "pages").iterdir()}
    assert len(pages) == 3
    first = index.read_bytes()
    assert write_index(tmp_path).read_bytes() == first
    assert {path: path.stat().st_mtime_ns for path in pages} == pages
    assert remove_messages(tmp_path, ["m1", "never"]) == 1
    write_index(tmp_path)
    assert sorted(path.stem[-2:] for path in (tmp_path / "pages").iterdir()) == ["m0", "m2"]
    assert "m1.html" not in index.read_text(encoding="utf-8")


def test_an_empty_folder_has_a_page_too(tmp_path: Path) -> None:
    assert "There are no messages yet." in write_index(tmp_path / "mail").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        offline = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*quiet, offline])
        yield browser
        browser.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    script = "<script>parent.document.title=2</script>"
    hostile = f'<img src="https://e.example/x.png" onerror="document.title=1">{script}'
    page = (
        "<html><head></head><body>"
        + hostile
        + '<p style="color: #112233">Words</p>'
        + "<br>" * 80
        + "</body></html>"
    )
    people = [
        ("<b>Ana</b>, & Co", "ana@example.org"),
        ("田中太郎" * 9, "taro@example.org"),
        ("", "bo@example.org"),
    ]
    for number, (name, address) in enumerate(people):
        kind = "check_in" if number else "introduction_mentor"
        date = datetime(2027, 3 + number, 1, 9, tzinfo=NEW_YORK)
        fields = {"to_name": name, "to_address": address, "kind": kind, "date": date, "html": page}
        FileMail(tmp_path).send(change(message_id=f"m{number}", subject=f"<i>S{number}</i>", **fields))
    write_index(tmp_path, "Serials <b> Program")
    return tmp_path


def open_page(
    browser: Browser, path: Path, width: int = 1280, scripts: bool = True
) -> tuple[Page, list[str]]:
    page = browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=scripts
    ).new_page()
    seen: list[str] = []
    page.on("pageerror", lambda error: seen.append(str(error)))
    # What the policy stops ends as “csp” and never leaves the browser; everything else is a way out.
    page.on("requestfailed", lambda request: seen.append(request.url) if request.failure != "csp" else None)
    page.on(
        "requestfinished", lambda r: None if r.url.startswith(("file:", "about:")) else seen.append(r.url)
    )
    page.goto(path.as_uri())
    return page, seen


def test_index_in_a_browser(folder: Path, browser: Browser) -> None:
    page, seen = open_page(browser, folder / "index.html")
    assert page.locator("h1").inner_text() == "Mail of the Serials <b> Program"
    assert page.locator(".month h2").all_inner_texts() == ["May 2027", "April 2027", "March 2027"]
    assert page.locator(".who b").all_inner_texts() == ["bo@example.org", "田中太郎" * 9, "<b>Ana</b>, & Co"]
    assert page.locator("#shown").inner_text() == "3 messages"
    page.fill("#words", "TARO check")
    assert page.locator(".list li:visible .subject").all_inner_texts() == ["<i>S1</i>"]
    assert page.locator("#shown").inner_text() == "1 of 3 messages"
    page.fill("#words", "")
    page.select_option("#kind", "Introduction to the mentor")
    assert page.locator(".month:visible h2").all_inner_texts() == ["March 2027"]
    page.fill("#words", "nobody")
    assert page.locator("#none").is_visible()
    assert seen == []


def test_index_works_without_scripts(folder: Path, browser: Browser) -> None:
    page, _ = open_page(browser, folder / "index.html", scripts=False)
    assert page.locator("#filter").is_hidden()
    assert page.locator(".list li:visible").count() == 3
    page.locator(".list a").first.click()
    assert page.locator("h1").inner_text() == "<i>S2</i>"
    assert page.frame_locator("#mail").locator("p").inner_text() == "Words"


def test_a_mail_in_the_browser_cannot_act(folder: Path, browser: Browser) -> None:
    path = next((folder / "pages").glob("*-m0.html"))
    page, seen = open_page(browser, path)
    frame = page.frame_locator("#mail")
    assert frame.locator("p").evaluate("e => getComputedStyle(e).color") == "rgb(17, 34, 51)"
    assert page.title() == "<i>S0</i>"
    assert page.locator("pre").inner_text().strip() == MESSAGE.text.strip()
    assert (
        page.locator("#mail").evaluate("f => f.clientHeight >= f.contentDocument.body.scrollHeight") is True
    )
    assert seen == []
    page.locator("header a").click()
    assert page.locator(".list li").count() == 3


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_pages_fit_the_screen(folder: Path, browser: Browser, width: int) -> None:
    for path in (folder / "index.html", next((folder / "pages").glob("*-m1.html"))):
        page, _ = open_page(browser, path, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_attachments_are_in_the_file_and_on_no_page(tmp_path: Path) -> None:
    entry = Attachment("due.ics", "text/calendar; method=PUBLISH; charset=utf-8", b"BEGIN:VCALENDAR\r\n")
    certificate = Attachment('für "Ana"\r\nBcc: a@b.pdf', "application/pdf", bytes(range(256)) * 9)
    FileMail(tmp_path).send(change(attachments=(entry, certificate)))
    mail = read_eml(tmp_path / NAME)
    first, second = mail.iter_attachments()
    assert (first.get_content_type(), first.get_param("method"), first.get_filename()) == (
        "text/calendar",
        "PUBLISH",
        "due.ics",
    )
    assert first.get_payload(decode=True) == entry.content
    assert (second.get_content_type(), second.get_filename()) == ("application/pdf", 'für "Ana" Bcc: a@b.pdf')
    assert second.get_payload(decode=True) == certificate.content
    assert read_eml(tmp_path / NAME).get_body(("plain",)).get_content() == MESSAGE.text  # type: ignore[union-attr]
    assert max(len(line) for line in (tmp_path / NAME).read_bytes().split(b"\r\n")) <= 78
    write_index(tmp_path)
    assert "From here on" in (tmp_path / "pages" / NAME).with_suffix(".html").read_text()


def test_the_same_message_is_the_same_bytes() -> None:
    message = change(attachments=(Attachment("a.ics", "text/calendar", b"x"),))
    assert write_eml(message) == write_eml(message)


def test_the_head_names_the_message_and_the_way_out() -> None:
    head = message_from_bytes(write_eml(MESSAGE))
    assert head["X-Mentoring-Message"] == "m-1"
    assert head["List-Unsubscribe"] == "<mailto:mentoring@example.org?subject=unsubscribe>"


def test_the_folder_knows_what_it_holds(tmp_path: Path) -> None:
    backend = FileMail(tmp_path / "mail")
    assert backend.look_up("m-1", MESSAGE.date).outcome == "not_arrived"
    sent = backend.send(MESSAGE)
    assert backend.look_up("m-1", MESSAGE.date) == sent
    assert backend.look_up("m-2", MESSAGE.date) == Delivery(
        "not_arrived", problem="The mail folder does not hold it."
    )
    assert backend.list_suppressed() == {}


def test_the_check_up_tries_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    assert FileMail(tmp_path / "mail").check() == "written to files in mail/, nothing leaves this machine"
    assert list((tmp_path / "mail").iterdir()) == []
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file stands in the way")
    backend = FileMail(tmp_path / "mail")
    with pytest.raises(MailError, match="can't be written"):
        backend.check()
    with pytest.raises(MailError, match="can't be read"):
        backend.look_up("m-1", MESSAGE.date)
