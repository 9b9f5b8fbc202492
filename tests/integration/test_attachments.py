"""The files that travel with messages: certificates for names of any script, calendar entries, the same bytes each time."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from cohorts import at, form, make_cohort, mentee, mentor, pair

from mentoring.cohort import Cohort, Draft
from mentoring.completion import Certificate, describe_certificate
from mentoring.messages import Attachment, RenderedMessage
from tasks import certificates
from tasks.attachments import AttachmentError, make_attachments
from tasks.certificates import can_write_certificate, write_certificate

ROOT = Path(__file__).parents[2]
PLAIN = RenderedMessage("Subject", "Text", "<p>Text</p>")
CERTIFICATE = Certificate(
    name="Beatriz Câmara",
    role="mentor",
    program="Serials Mentoring Program",
    association="Serials Association",
    year="2027",
    period="1 March 2027 to 30 November 2027",
    given_on="30 November 2027",
)


def name_it(name: str) -> Certificate:
    return replace(CERTIFICATE, name=name)


def make_pair(name: str = "Beatriz Câmara") -> Cohort:
    return make_cohort([mentor(1, name=name), mentee(1)], [pair(1, 1)])


def thank(certificate: bool = True) -> Draft:
    facts = {"partners": [], "year": "2027", "certificate": certificate}
    return Draft(
        "thanks", "2027-mentor-001", "end", "person-mentor-1", facts, at("2027-12-01"), at("2027-12-31")
    )


def read_objects(pdf: bytes) -> str:
    """Everything in a PDF that is not a picture or a font, unpacked."""
    packed = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    unpacked = [pdf]
    for stream in packed:
        try:
            unpacked.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(unpacked).decode("latin-1")


def read_text(pdf: bytes) -> str:
    """The text of a PDF as the characters of its glyphs say, by each font's own table."""
    objects = read_objects(pdf)
    hexes = re.findall(r"<[0-9A-Fa-f]+>\s*<([0-9A-Fa-f]{4,})>", objects)
    return "".join(bytes.fromhex(word).decode("utf-16-be", "ignore") for word in hexes)


def test_a_certificate_is_an_accessible_pdf_on_one_landscape_page() -> None:
    pdf = write_certificate(CERTIFICATE)
    assert pdf is not None
    assert pdf.startswith(b"%PDF-1.7")
    objects = read_objects(pdf)
    assert re.search(r"/Count 1\b", objects)
    [(width, height)] = re.findall(r"/MediaBox\[0 0 ([\d.]+) ([\d.]+)\]", objects)
    assert float(width) > float(height)
    assert "/Lang(en)" in objects
    assert "/Marked true" in objects
    assert re.search(r"<pdfuaid:part>1</pdfuaid:part>", objects)
    assert re.search(r"/S/H1\b", objects)
    assert "<dc:title>" in objects
    assert "CreationDate" not in objects, "the same certificate is the same bytes on any day"


NAMES = [
    "Beatriz Câmara",
    "Đặng Thị Hà",
    "Zoë Müller-Łukasiewicz",
    "ʻŌlelo Kāneʻohe",
    "Иван Ковальчук",
    "Ελένη Παπαδοπούλου",
    "דנה כהן",
    "q̱ẹ́ combining",
    "O'Brien, Pat “Paddy” [she/her] #1",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_written_with_the_fonts_of_the_library_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it looks the same on every machine, and needs no search through the system's fonts."""
    monkeypatch.setattr(certificates, "load_fonts", _refuse_system_fonts(certificates.load_fonts))
    pdf = write_certificate(name_it(name))
    assert pdf is not None
    assert pdf == write_certificate(name_it(name))
    shown = read_text(pdf)
    assert [character for character in name if character.isalnum() and character not in shown] == []


def _refuse_system_fonts(load: object) -> object:
    def check(with_system_fonts: bool) -> object:
        assert not with_system_fonts
        return load(with_system_fonts)  # type: ignore[operator]

    return check


@pytest.mark.parametrize("name", ["田中 花子", "نورا الأحمد", "Ada 田", "अनुष्का शर्मा", "Zoë 👩‍🏫", "አበበ"])
def test_a_name_of_another_script_is_right_or_there_is_no_certificate(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_certificate(name_it(name))
    if pdf is not None:
        shown = read_text(pdf)
        assert [character for character in name if character.isalpha() and character not in shown] == []
    bare = certificates.load_fonts(False)
    monkeypatch.setattr(certificates, "load_fonts", lambda _: bare)
    if name in ("田中 花子", "Ada 田", "Zoë 👩‍🏫", "አበበ"):
        assert write_certificate(name_it(name)) is None, "a machine without fonts of its own"


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\ue000", "\U0010fffd", "Ada \U000f1234", "x\u0378", "W" * 41, "Wo " * 40, "Ada\ud800"],
)
def test_a_name_that_is_no_name_gets_no_certificate(name: str) -> None:
    assert write_certificate(name_it(name)) is None
    assert not can_write_certificate(name_it(name))


@pytest.mark.parametrize(
    "name", ["W" * 40, "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh " + "W" * 39]
)
def test_the_longest_names_fit_on_the_page(name: str) -> None:
    pdf = write_certificate(name_it(name))
    assert pdf is not None
    objects = read_objects(pdf)
    assert re.search(r"/Count 1\b", objects)


@pytest.mark.parametrize(
    "name",
    [
        "#panic()",
        "#read(\"/etc/passwd\")",
        "*bold* _emph_ `raw` $x^2$",
        "= Heading",
        "@label <label>",
        "\\ \\u{41} // no comment",
        "] #set page(flipped: false) [",
        "--- ... \"quotes\" ~",
    ],
)  # fmt: skip
def test_a_name_is_shown_as_written_and_does_nothing(name: str) -> None:
    pdf = write_certificate(name_it(name))
    assert pdf is not None
    shown = read_text(pdf)
    assert [character for character in name if not character.isspace() and character not in shown] == []
    [(width, height)] = re.findall(r"/MediaBox\[0 0 ([\d.]+) ([\d.]+)\]", read_objects(pdf))
    assert float(width) > float(height)


def test_the_names_of_program_and_association_do_nothing_either() -> None:
    pdf = write_certificate(replace(CERTIFICATE, program="#panic() *x*", association="[a] $b$ \\"))
    assert pdf is not None
    assert {"#", "*", "$", "\\"} <= set(read_text(pdf))


def test_an_error_that_is_no_missing_character_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import typst

    monkeypatch.setattr(certificates, "_read_source", lambda: b"#sys.inputs.nothing")
    with pytest.raises(typst.TypstError, match="nothing"):
        write_certificate(CERTIFICATE)


def test_a_certificate_takes_milliseconds() -> None:
    write_certificate(CERTIFICATE)
    started = time.process_time()
    for number in range(20):
        assert write_certificate(name_it(f"Somebody {number}"))
    assert (time.process_time() - started) / 20 < 0.05


def test_the_library_is_loaded_with_the_first_certificate_only() -> None:
    code = "import sys, tasks.attachments, tasks.certificates; print('typst' in sys.modules, 'icalendar' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


# --- What goes with which message ----------------------------------------------------------------------------------


def test_thanks_carry_the_certificate_that_they_speak_of() -> None:
    [file] = make_attachments(make_pair(), thank(), PLAIN)
    assert (file.name, file.media_type) == ("certificate-2027.pdf", "application/pdf")
    assert file.content == write_certificate(describe_certificate(make_pair(), "2027-mentor-001"))
    assert make_attachments(make_pair(), thank(certificate=False), PLAIN) == ()


def test_a_promised_certificate_that_cannot_be_written_stops_the_run_without_a_name() -> None:
    with pytest.raises(
        AttachmentError, match="The certificate of 2027-mentor-001 can't be written"
    ) as caught:
        make_attachments(make_pair("Zoë \ue000"), thank(), PLAIN)
    assert "Zoë" not in str(caught.value)


@pytest.mark.parametrize("kind", ["evaluation_invitation", "evaluation_reminder"])
def test_an_evaluation_carries_its_deadline(kind: str) -> None:
    facts = {"link": "https://forms.example.org/?reference={token}", "number": 1}
    draft = Draft(kind, "2027-match-001", "1", "person-mentee-1", facts, at("2027-11-15"), at("2027-12-15"))
    [file] = make_attachments(make_pair(), draft, PLAIN)
    assert (file.name, file.media_type) == ("evaluation.ics", "text/calendar; charset=utf-8; method=PUBLISH")
    assert b"METHOD:PUBLISH" in file.content
    assert [file] == list(make_attachments(make_pair(), draft, PLAIN)), "the same input gives the same bytes"


def test_other_messages_carry_nothing_of_ours() -> None:
    own = (Attachment("own.txt", "text/plain", b"own"),)
    draft = Draft(
        "heads_up", "2027-match-001", "1", "person-mentee-1", {}, at("2027-04-01"), at("2027-04-02")
    )
    assert make_attachments(make_pair(), draft, replace(PLAIN, attachments=own)) == own


def test_the_flow_asks_the_fonts_of_this_machine() -> None:
    from tasks import steps

    cohort = make_cohort([mentor(1, name="Zoë \ue000"), mentee(1)], [pair(1, 1)])
    plan = steps.plan_completion(cohort, form("evaluation"), at("2027-12-01"))
    thanks = [draft for draft in plan.messages if draft.kind == "thanks"]
    assert {draft.subject_id: draft.context["certificate"] for draft in thanks} == {
        "2027-mentor-001": False,
        "2027-mentee-001": True,
    }
    for draft in thanks:
        assert len(make_attachments(cohort, draft, PLAIN)) == draft.context["certificate"]


def test_the_letter_and_its_files_reach_the_recipient_together(tmp_path: Path) -> None:
    from mentoring.message_markdown import clean_line
    from tasks import steps
    from tasks.ledger import render_draft
    from tasks.mail import OutgoingMessage
    from tasks.mail_files import FileMail, list_messages, read_eml

    cohort = make_cohort([mentor(1, name="Zoë \ue000"), mentee(1)], [pair(1, 1)])
    plan = steps.plan_completion(cohort, form("evaluation"), at("2027-12-01"))
    words = {True: "Your certificate of participation is attached", False: "Would you like a certificate"}
    drafts = [draft for draft in plan.messages if draft.kind == "thanks"]
    for draft in drafts:
        rendered = render_draft(cohort, draft, "Ada", {})
        addresses = {
            "to_address": "a@example.org",
            "from_address": "b@example.org",
            "reply_to": "c@example.org",
        }
        names = {"to_name": "Ada", "from_name": "Program", "kind": draft.kind, "date": draft.not_before}
        content = {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}
        key = {"message_id": cohort.make_message_id(draft), "attachments": rendered.attachments}
        folder = tmp_path / draft.subject_id
        FileMail(folder).send(OutgoingMessage(**addresses, **names, **content, **key))  # type: ignore[arg-type]
        mail = read_eml(folder / list_messages(folder)[0])
        assert words[draft.context["certificate"]] in clean_line(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        files = [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]
        assert files == [(file.name, file.content) for file in rendered.attachments]
        assert len(files) == draft.context["certificate"]
    assert sorted(draft.context["certificate"] for draft in drafts) == [False, True]


def test_an_introduction_suggests_a_first_talk_only_where_the_program_says_so() -> None:
    cohort = make_pair()
    facts = {"introduced_on": "2027-03-01"}
    draft = Draft(
        "introduction_mentee",
        next(iter(cohort.matches)),
        "start",
        "person-mentee-1",
        facts,
        at("2027-03-01"),
        at("2027-03-31"),
    )
    assert make_attachments(cohort, draft, PLAIN) == ()
    suggesting = replace(draft, context={**facts, "suggests_meeting": True})
    [entry] = make_attachments(cohort, suggesting, PLAIN)
    assert (entry.name, entry.media_type.split(";")[0]) == ("first-talk.ics", "text/calendar")
    text = entry.content.decode()
    assert "SUMMARY:Suggestion for a first talk" in text
    assert "STATUS:TENTATIVE" in text
    assert make_attachments(cohort, suggesting, PLAIN) == (entry,)
