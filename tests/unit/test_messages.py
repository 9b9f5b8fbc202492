"""What every kind of message says, and that nothing a person writes can act in it."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from message_facts import COMMON, FACTS, PERSON, TOPIC

from mentoring.message_markdown import (
    TEXT_WIDTH,
    clean_line,
    clean_lines,
    render_markdown,
    wrap_line,
)
from mentoring.messages import (
    KINDS,
    SUBJECT_LIMIT,
    TEMPLATES,
    MessageError,
    RenderedMessage,
    hash_body,
    render_message,
    shorten_subject,
)

ROOT = Path(__file__).parents[2]

#: Facts that a kind must be given and that choose words, or that this reading of it has no place for.
NOT_SHOWN = {
    *("role", "association", "guidelines", "code_of_conduct", "opportunities", "committee_address"),
    "until_is",
}
LATE_WORDS = "later than usual"


class _Page(HTMLParser):
    """Reads a page: its tags, its words, where its links go, and each text's colours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words, self.texts = "", []
        self._open: list[tuple[str, str, str]] = [("", "#000000", "#ffffff")]
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        styles = dict(re.findall(r"(?:^|;)\s*(color|background):\s*(#[0-9a-f]{6})", found.get("style", "")))
        _, color, background = self._open[-1]
        if tag not in ("br", "hr", "meta"):
            self._open.append((tag, styles.get("color", color), styles.get("background", background)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if "body" in [tag for tag, _, _ in self._open]:
            self.words += data
            self.texts.append((data, *self._open[-1][1:]))

    def list_links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]


def render(kind: str, **changes: Any) -> RenderedMessage:
    return render_message(kind, {**COMMON, **FACTS[kind], **changes})


def read_words(page: str) -> str:
    return clean_line(_Page(page).words)


def list_leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from list_leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from list_leaves(inner, path)
    elif isinstance(value, str):
        yield path, value


def remove_fact(context: dict[str, Any], path: str) -> None:
    *before, last = path.replace("[]", ".0").split(".")
    for key in before:
        context = context[int(key) if key.isdigit() else key]
    del context[last]


ALL_KINDS = pytest.mark.parametrize("kind", sorted(KINDS))


def test_every_kind_has_facts_here_and_a_template() -> None:
    assert sorted(FACTS) == sorted(KINDS)
    folder = ROOT / "mentoring" / "templates"
    assert sorted(TEMPLATES) == sorted(path.name for path in folder.iterdir())


@ALL_KINDS
def test_a_message_greets_by_name_and_is_signed(kind: str) -> None:
    message = render(kind)
    assert message.text.startswith("Dear Beatriz Câmara,\n\n")
    signature = {"committee_digest": "The software of the Serials Mentoring Program"}
    assert signature.get(kind, "The mentoring committee\nSerials Association") in message.text
    assert message.subject
    assert "\n" not in message.subject


@ALL_KINDS
def test_a_missing_fact_is_named(kind: str) -> None:
    for path in KINDS[kind].required:
        context = copy.deepcopy({**COMMON, **FACTS[kind]})
        remove_fact(context, path)
        with pytest.raises(MessageError, match=re.escape(f"needs the fact “{path}”")) as caught:
            render_message(kind, context)
        assert "Ana" not in str(caught.value)


@ALL_KINDS
def test_text_and_page_carry_the_same_facts(kind: str) -> None:
    message = render(kind)
    page = _Page(message.html)
    in_page = clean_line(page.words) + " " + " ".join(page.list_links())
    in_text = clean_line(message.subject + " " + message.text)
    for key, fact in list_leaves({**FACTS[kind], **COMMON}):
        for line in filter(None, clean_lines(fact)):
            assert (line in in_text) == (line in in_page), key
            if key not in NOT_SHOWN:
                assert line in in_text, key


@ALL_KINDS
def test_plain_text_has_no_marks_of_markdown_or_html(kind: str) -> None:
    text = render(kind).text
    assert not re.search(r"\*\*|\\|&amp;|&lt;|<[a-z]|\]\(|^#|None|\{\{", text, re.MULTILINE)
    assert "\n\n\n" not in text


@ALL_KINDS
def test_lines_of_plain_text_are_short_unless_an_address_is_long(kind: str) -> None:
    for line in render(kind).text.splitlines():
        assert len(line) <= TEXT_WIDTH or "https://" in line.rpartition(" ")[2], line


@given(st.lists(st.text("ab", min_size=1, max_size=90), max_size=40).map(" ".join), st.integers(10, 90))
@settings(deadline=None)
def test_wrapping_loses_nothing_and_breaks_no_word(line: str, width: int) -> None:
    lines = wrap_line(line, width).split("\n")
    assert " ".join(lines) == line
    assert all(len(part) <= width or " " not in part for part in lines)
    # No line had room for the next word.
    assert all(len(one) + 1 + len(other.split(" ")[0]) > width for one, other in pairwise(lines))


def test_a_digest_says_in_its_subject_whether_it_can_wait() -> None:
    assert render("committee_digest").subject == "Mentoring desk, 8 March 2027: please look today"
    assert render("committee_digest", urgent=[]).subject == "Mentoring desk, 8 March 2027: what waits for you"


@ALL_KINDS
def test_page_is_accessible_and_loads_nothing(kind: str) -> None:
    message = render(kind)
    page = _Page(message.html)
    names = [tag for tag, _ in page.tags]
    assert dict(page.tags)["html"]["lang"] == "en"
    assert f"<title>{message.subject}</title>" in message.html.replace("&amp;", "&")
    assert names.count("h1") == 1
    assert names.count("main") == 1
    headings = [int(name[1]) for name in names if re.fullmatch("h[1-6]", name)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    assert not {"img", "table", "script", "link", "iframe", "form"} & set(names)
    assert not re.search(r"\bsrc=|url\(|@import|\son\w+=", message.html)
    assert "@media (max-width: 480px)" in message.html


@ALL_KINDS
def test_text_stands_out_from_its_ground(kind: str) -> None:
    """WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1."""
    for words, color, background in _Page(render(kind).html).texts:
        if words.strip():
            bright, dark = sorted((_luminance(color), _luminance(background)), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, words


def _luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "[click](https://evil.example)",
    "![x](https://evil.example/pixel.png)",
    "<https://evil.example>",
    "*x* **y** __z__ `code` ~~no~~",
    "{{7*7}} {% raw %} {# note #}",
    "# Heading",
    "1. first",
    "- item",
    "> quote",
    "---",
    "&lt;b&gt; &#x3c; &copy;",
    "back\\slash\\",
    "<!-- hidden",
    '" onmouseover="alert(1)',
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_name_is_shown_as_written_and_does_nothing(hostile: str) -> None:
    plain = render("introduction_mentor", mentee={**PERSON, "name": "Ana"})
    message = render("introduction_mentor", mentee={**PERSON, "name": hostile})
    assert hostile in message.subject
    assert hostile in message.text
    assert hostile in read_words(message.html)
    assert _Page(message.html).tags == _Page(plain.html).tags
    assert "49" not in message.text


@given(name=st.text(min_size=1, max_size=60), letter=st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_words_of_a_person_become_markup(name: str, letter: str) -> None:
    person = {**PERSON, "name": f"N{name}"}
    application = [{"label": f"L{name}", "value": f"V{letter}"}]
    message = render("introduction_mentor", mentee=person, application=application)
    page, words = _Page(message.html), read_words(message.html)
    plain = _Page(render("introduction_mentor", mentee={**PERSON, "name": "N"}, application=[]).html)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags} | {"br", "strong"}
    assert page.list_links() == plain.list_links()
    text = clean_line(message.text)
    assert clean_line(f"N{name}") in words
    assert clean_line(f"N{name}") in text
    for line in filter(None, clean_lines(f"V{letter}")):
        assert line in words
        assert line in text


def test_line_breaks_cannot_leave_the_subject() -> None:
    message = render("check_in", partner={"name": "Ana\r\nBcc: all@example.org\n\nHello\x00\x85\u2028"})
    assert message.subject == "How is it going with Ana Bcc: all@example.org Hello? (March 2027)"


def test_text_cannot_reverse_what_stands_around_it() -> None:
    message = render("check_in", partner={"name": "Ana \u202egnp.exe\u202c\u2066"})
    assert "Ana gnp.exe" in message.subject
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", message.subject + message.text + message.html)


def test_names_of_every_script_survive() -> None:
    for name in ("田中 花子", "نورا الأحمد", "Đặng Thị Hà", "Zoë 👩‍🏫", "Иван Ковальчук"):
        message = render("check_in", partner={"name": name})
        assert name in message.subject
        assert name in message.text
        assert name in read_words(message.html)


def test_a_long_subject_is_cut_between_words() -> None:
    assert shorten_subject("word " * 60) == "word " * 23 + "word…"
    assert shorten_subject("Re: " + "x" * 500) == "Re: " + "x" * 115 + "…"
    assert shorten_subject("x" * SUBJECT_LIMIT) == "x" * SUBJECT_LIMIT


def test_a_link_that_is_no_web_address_is_only_text() -> None:
    message = render("check_in", link="javascript:alert(1)")
    assert not any("javascript" in link for link in _Page(message.html).list_links())
    assert "Answer the check-in javascript:alert(1)" in message.text


def test_a_link_keeps_every_character() -> None:
    link = "https://example.org/f?a=1&copy=2&token=x_y*z-(1)%20~"
    message = render("check_in", link=link)
    assert link in _Page(message.html).list_links()
    assert f"Answer the check-in: {link}\n" in message.text


def test_addresses_in_topics_become_links() -> None:
    links = _Page(render("heads_up").html).list_links()
    assert "https://example.org/first-talk" in links
    assert "https://example.org/read?x=1&y=2" in links


def test_introductions_say_what_the_guidelines_ask() -> None:
    for kind in ("introduction_mentor", "introduction_mentee"):
        text = clean_line(render(kind).text)
        for words in (
            "Code of Conduct (https://example.org/conduct?a=1&copy=2)",
            "your interests",
            "hopes to take from the program",
            "webinars and conferences to committees",
            "E-mail and Online meeting",
            "Phone, e-mail, an online meeting, chat or text: use whatever suits you both.",
        ):
            assert words in text, words
    to_mentor = clean_line(render("introduction_mentor").text)
    assert "get in touch with Ana María Ortiz as soon as you can" in to_mentor
    mentee = clean_line(render("introduction_mentee").text)
    assert "reviews your application and gets in touch with you as soon as possible" in mentee
    assert "If you hear nothing within a week, you are welcome to write first." in mentee


def test_an_introduction_leaves_out_what_was_not_shared() -> None:
    person = {**PERSON, "phone": "", "institution": "", "pronouns": ""}
    text = clean_line(render("introduction_mentor", mentee=person, application=[]).text)
    for absent in ("Telephone", "Institution", "Pronouns", "read the application below"):
        assert absent not in text
    assert "chose to tell you about goals and plans in person" in text
    opportunities = copy.deepcopy(COMMON["program"])
    opportunities["links"]["opportunities"] = None  # type: ignore[index,call-overload]
    assert "webinars, conferences and committees" in render("introduction_mentor", program=opportunities).text


def test_a_rematch_is_introduced_as_new() -> None:
    assert render("introduction_mentee", rematch=True).subject == "Meet your new mentor, Ana María Ortiz"
    assert render("introduction_mentee").subject == "Meet your mentor, Ana María Ortiz"


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("acknowledgement", {"is_late": True}, "Applications closed on 31 January 2027"),
        ("acknowledgement", {"role": "mentor"}, "Thank you for offering your time as a mentor"),
        ("monthly_topic", {"is_late": True}, LATE_WORDS),
        ("check_in", {"first": True}, "Not long ago we introduced you"),
        ("partner_withdrew", {"rematch": True}, "You are at the front of the line"),
        ("partner_withdrew", {"rematch": False}, "We have not planned a new match for you"),
        ("match_ended", {"own_request": True}, "As you asked, your match"),
        ("match_ended", {"own_request": False}, "nobody's fault"),
        ("waiting_list", {"role": "mentor"}, "We do not have a mentee for you yet"),
        ("evaluation_reminder", {"number": 2}, "This is our last reminder"),
        ("thanks", {"partners": []}, "good will that you have given."),
        ("thanks", {"certificate": True}, "is attached to this message, as a PDF."),
        ("thanks", {"certificate": False}, "Reply to this message, and the committee sends you one."),
        ("evaluation_invitation", {}, "The attached calendar entry marks that day."),
        ("introduction_mentee", {"first_topic": {}}, "These make a good start:"),
        ("committee_digest", {}, "- Requests tab: 2 requests to confirm or decline (2027-request-001, "),
        ("committee_digest", {"desk": ""}, "in the committee's spreadsheet beside each reference."),
        ("thanks", {}, "together with Ana María Ortiz and Pat O'Brien."),
        ("heads_up", {}, "If you have heard nothing after the first week of the month, you are welcome"),
    ],
)
def test_words_follow_the_facts(kind: str, changes: dict[str, Any], words: str) -> None:
    assert words in clean_line(render(kind, **changes).text)


def test_a_topic_on_time_does_not_apologise() -> None:
    assert LATE_WORDS not in render("monthly_topic").text


def test_application_text_keeps_its_lines_and_paragraphs() -> None:
    text = render("introduction_mentor").text
    assert "Goals:\nLearn metadata.\nMeet people.\n\nGive a talk.\n\nTopics:\nMetadata; Careers\n" in text


def test_a_program_can_replace_a_template() -> None:
    context = {**COMMON, **FACTS["heads_up"]}
    source = "Subject: Hi {{ recipient.name }}\n\nThis month: **{{ topic.title | upper }}**\n"
    message = render_message("heads_up", context, {"heads_up.md": source, "greeting.md": "Aloha!"})
    assert message.subject == "Hi Beatriz Câmara"
    assert message.text.startswith("Aloha!\n\nThis month: GETTING TO KNOW EACH OTHER\n")
    assert render_message("heads_up", context) == render("heads_up")


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"heads_up.txt": "x"}, "There is no template “heads_up.txt” to replace"),
        ({"heads_up.md": "No subject"}, "heads_up.md must begin with a line “Subject: …”"),
        ({"heads_up.md": "Subject: {{ mentee.name }}"}, "heads_up.md does not work: 'mentee' is undefined"),
        ({"heads_up.md": "Subject: x{{ moth }}"}, "heads_up.md does not work: 'moth' is undefined"),
        ({"heads_up.md": "Subject: {{ month"}, "heads_up.md does not work"),
        ({"heads_up.md": "Subject: {{ mentor.name + 1 }}"}, "heads_up.md does not work: TypeError"),
        ({"heads_up.md": "Subject: {{ month.__class__.__mro__ }}"}, "heads_up.md does not work"),
        ({"heads_up.md": "Subject: {{ program.links.opportunities }}"}, "shows a fact that is empty"),
    ],
)
def test_a_bad_template_gives_one_sentence(overrides: dict[str, str], problem: str) -> None:
    program = copy.deepcopy(COMMON["program"])
    program["links"]["opportunities"] = None  # type: ignore[index,call-overload]
    with pytest.raises(MessageError, match=re.escape(problem)) as caught:
        render_message("heads_up", {**COMMON, **FACTS["heads_up"], "program": program}, overrides)
    assert "\n" not in str(caught.value)
    assert "Ana" not in str(caught.value)


@pytest.mark.parametrize(
    "filters", ["e", "safe", "escape", "forceescape", "tojson", "urlize", "upper", "trim"]
)
def test_no_filter_opens_a_way_around_the_escaping(filters: str) -> None:
    source = "Subject: x\n\n{{ topic.title | " + filters + " }}\n"
    facts = {
        **FACTS["heads_up"],
        "topic": {**TOPIC, "title": "<b>x</b> [a](https://evil.example) *y* http://e.example"},
    }
    message = render_message("heads_up", {**COMMON, **facts}, {"heads_up.md": source})
    page = _Page(message.html)
    assert not any("e.example" in link or "evil" in link.lower() for link in page.list_links())
    assert not {"b", "em"} & {tag for tag, _ in page.tags}


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(MessageError, match="no message of the kind “welcome”"):
        render_message("welcome", COMMON)


def test_the_hash_changes_with_every_part() -> None:
    message = RenderedMessage("a", "b", "c")
    hashes = {hash_body(RenderedMessage(*parts)) for parts in ("abc", "xbc", "axc", "abx", "bac")}
    assert len(hashes) == 5
    assert hash_body(message) == hash_body(RenderedMessage("a", "b", "c"))
    assert re.fullmatch("[0-9a-f]{64}", hash_body(message))


def test_messages_stay_out_of_logs() -> None:
    assert "Dear" not in repr(render("check_in"))


def test_plain_text_of_lists_quotes_rules_and_links() -> None:
    source = (
        "## T\n\n1. a\n2. b\n\n> q\n> r\n\n---\n\n[x](https://e.example), *y* `z`\n\n[m](mailto:a@e.example)"
    )
    shown = (
        "T\n-\n\n1. a\n2. b\n\n> q r\n\n--------------------\n\nx (https://e.example), y z\n\nm (a@e.example)"
    )
    assert render_markdown(source)[1] == shown


def test_raw_html_and_images_in_a_template_stay_text() -> None:
    page, _ = render_markdown('<div onclick="x">a</div>\n\n![b](https://e.example/c.png)\n\n    not code')
    assert "<div" not in page
    assert "<img" not in page
    assert "<code" not in page


def test_the_registry_answers_without_the_heavy_libraries() -> None:
    script = (
        "import json, sys, mentoring.messages;"
        "print(json.dumps([m for m in ('jinja2', 'markdown_it', 'css_inline') if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == []


def test_the_documentation_shows_every_kind() -> None:
    page = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    for kind in KINDS.values():
        assert f"`{kind.name}`" in page
        assert kind.label in page
        assert kind.moment in page
        assert f"| {render(kind.name).subject} |" in page
