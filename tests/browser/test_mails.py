"""Every kind of mail in a real browser: nothing runs off a telephone, nothing overlaps, everybody can read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from message_facts import COMMON, FACTS
from playwright.sync_api import Page, sync_playwright

from mentoring.messages import KINDS, Attachment, render_message
from tasks.mail import OutgoingMessage
from tasks.mail_files import FileMail
from tasks.mail_index import write_index

PHONE, DESKTOP = 360, 1280
LONG_WORD = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschafers"
#: What stands for a person's words, by the name of the fact.
LONG: Mapping[str, str] = {
    "name": f"Maximiliana {LONG_WORD} of Saint Andrews-upon-Featherstonehaugh",
    "email": f"{'maximiliana.' * 6}wolfeschlegel@a-very-long-name-of-a-library.{'branch.' * 8}example.org",
    "phone": "+1 808 555 0100 extension 12345, mornings only, then the desk: +1 808 555 0199",
    "institution": f"{LONG_WORD} Memorial Library of the {LONG_WORD}",
    "value": f"{LONG_WORD * 3}\n\nhttps://example.org/{'path' * 40}",
    "title": f"Getting to know {LONG_WORD}",
    "prompts": f"What would {LONG_WORD * 2} say?",
    "links": f"https://example.org/{'reading' * 40}?x={'1' * 80}",
    "mend": f"You wrote “{LONG_WORD * 2}”.",
    "why": f"Both name {LONG_WORD * 2}.",
    "experience": f"{LONG_WORD * 4} years.",
    "references": "2027-match-0000000000000000000000000000000000000000000000000000000001",
}
#: The same in scripts that run from right to left, or have no spaces.
OTHER_SCRIPTS: Mapping[str, str] = {
    "name": "نورا بنت عبد الرحمن الأحمد",
    "institution": "国立国会図書館関西館アジア情報室資料提供係",
    "value": "אני רוצה ללמוד קטלוג.\nمرحبا بكم في المكتبة. " + "図書館情報学を学びたいです。" * 12,
    "title": "図書館員同士の出会い" * 4,
    "prompts": "ما الذي جاء بك إلى المكتبات؟",
    "why": "Both name ספרייה as a focus area.",
    "experience": "Двадцать лет каталогизации в областной научной библиотеке.",
    "partners": "田中 花子",
}


def replace_facts(value: Any, by_name: Mapping[str, str], name: str = "") -> Any:
    """The same facts with other words."""
    if isinstance(value, Mapping):
        return {key: replace_facts(inner, by_name, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [replace_facts(inner, by_name, name) for inner in value]
    return by_name.get(name, value) if isinstance(value, str) else value


def empty_facts(value: Any, name: str = "") -> Any:
    """The same facts without anything that may be missing."""
    if isinstance(value, Mapping):
        return {key: empty_facts(inner, key) for key, inner in value.items()}
    if isinstance(value, list) and name != "faults":
        return []
    bare: dict[str, Any] = {"opportunities": None, "first_topic": {}}
    optional = ("phone", "institution", "pronouns", "experience", "desk")
    return bare.get(name, "") if name in (*bare, *optional) else value


VARIANTS = {
    "usual": lambda facts: facts,
    "long": lambda facts: replace_facts(facts, LONG),
    "other scripts": lambda facts: replace_facts(facts, OTHER_SCRIPTS),
    "bare": lambda facts: empty_facts(facts | ({"first_topic": ""} if "first_topic" in facts else {})),
}

#: Text blocks that lie over each other, and what reaches beyond the window.
_FAULTS = """() => {
  const blocks = [...document.querySelectorAll('h1, h2, p, li')].map(e => [e.textContent.trim().slice(0, 40), e.getBoundingClientRect()]);
  const faults = [];
  if (document.documentElement.scrollWidth > window.innerWidth) faults.push('scrolls sideways');
  for (const [words, box] of blocks) {
    if (words && box.height < 8) faults.push('too flat: ' + words);
    if (box.left < 0 || box.right > window.innerWidth + 0.5) faults.push('runs off: ' + words);
  }
  for (let i = 1; i < blocks.length; i++)
    if (blocks[i][1].top < blocks[i - 1][1].bottom - 0.5) faults.push('overlaps: ' + blocks[i][0]);
  for (const link of document.querySelectorAll('.action a')) {
    const box = link.getBoundingClientRect();
    if (box.height < 44) faults.push('too small for a finger: ' + link.textContent);
    if (box.right > window.innerWidth) faults.push('runs off: ' + link.textContent);
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One page of one browser, without any network."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )  # fmt: skip
        opened = browser.new_page()
        requests: list[str] = []
        opened.on("request", lambda request: requests.append(request.url.partition(":")[0]))
        yield opened
        browser.close()
    assert set(requests) <= {"file", "about", "data"}, "a mail loads nothing"


def render(kind: str, variant: str = "usual") -> str:
    return render_message(kind, VARIANTS[variant]({**COMMON, **FACTS[kind]})).html


def show(page: Page, html: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(html)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_mail_fits_a_telephone_and_a_desk_whatever_people_write(page: Page, kind: str) -> None:
    for variant in VARIANTS:
        html = render(kind, variant)
        for width in (PHONE, DESKTOP):
            show(page, html, width)
            assert page.evaluate(_FAULTS) == [], f"{variant}, {width} px"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_mail_is_readable_with_every_aid(page: Page, kind: str) -> None:
    """axe-core finds nothing serious; what it calls moderate or minor is not there either."""
    for variant in ("usual", "other scripts"):
        show(page, render(kind, variant), PHONE)
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], fault["impact"]) for fault in found] == [], variant


def test_the_dark_leaves_a_mail_as_it_is(page: Page) -> None:
    """There are no dark styles; the page says so, and keeps its own colours."""
    show(page, render("introduction_mentor"), PHONE)
    bright = page.screenshot()
    page.emulate_media(color_scheme="dark")
    try:
        assert page.screenshot() == bright
        assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
    finally:
        page.emulate_media(color_scheme="light")


def test_letters_twice_as_large_still_fit(page: Page) -> None:
    """WCAG 2.2, 1.4.4: what 180 pixels show is what a telephone shows at 200 per cent."""
    for kind in ("introduction_mentor", "committee_digest"):
        show(page, render(kind, "long"), PHONE // 2)
        assert page.evaluate(_FAULTS) == []


def test_the_browser_notices_what_it_is_here_for(page: Page) -> None:
    """The faults that these tests look for are seen."""
    html = render("check_in")
    assert "</main>" in html
    broken = {
        "scrolls sideways": html.replace("</main>", "<p style='width: 900px'>wide</p></main>"),
        "overlaps: under": html.replace(
            "</main>", "<p>over</p><p style='margin-top: -40px'>under</p></main>"
        ),
    }
    for fault, page_source in broken.items():
        show(page, page_source, PHONE)
        assert fault in page.evaluate(_FAULTS)
    show(page, html.replace("</main>", "<p style='color: #bbbbbb'>pale</p></main>"), PHONE)
    assert [item["id"] for item in Axe().run(page).response["violations"]] == ["color-contrast"]


def test_the_index_of_mails_shows_what_is_attached(page: Page, tmp_path: Path) -> None:
    """By a link that holds the file, so that a page works wherever it is copied."""
    certificate = Attachment("certificate <2027>.pdf", "application/pdf", b"%PDF-1.7 made up" * 200)
    entry = Attachment("evaluation.ics", "text/calendar", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    notes = Attachment("notes.txt", "text/plain", b"Not the text of the mail.")
    for number, files in enumerate([(), (certificate, entry, notes)]):
        mail = OutgoingMessage(
            message_id=f"m{number}",
            kind="thanks",
            to_address="ana@example.org",
            to_name="Ana",
            from_address="from@example.org",
            from_name="Program",
            reply_to="committee@example.org",
            subject=f"Thanks {number}",
            text="The text.",
            html="<html><head></head><body>The page.</body></html>",
            date=datetime(2027, 12, 1, 9, number, tzinfo=UTC),
            attachments=files,
        )
        assert FileMail(tmp_path).send(mail).outcome == "accepted"
    page.goto(write_index(tmp_path).as_uri())
    assert page.locator(".subject").all_inner_texts() == ["Thanks 1 with a file", "Thanks 0"]
    for width in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": 800})
        assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".list a").first.click()
    assert page.locator("a[download]").all_inner_texts() == [
        file.name for file in (certificate, entry, notes)
    ]
    assert page.locator(".facts").inner_text().count("(3 kB)") == 1
    assert page.locator("pre").inner_text().strip() == "The text."
    assert page.frame_locator("#mail").locator("body").inner_text() == "The page."
    for number, attachment in enumerate((certificate, entry, notes)):
        with page.expect_download() as download:
            page.locator("a[download]").nth(number).click()
        assert Path(download.value.path()).read_bytes() == attachment.content
    show(page, "", PHONE)
    page.goto((tmp_path / "pages" / f"{sorted(tmp_path.glob('*-m1.eml'))[0].stem}.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
