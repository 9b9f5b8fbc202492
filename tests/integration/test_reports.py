"""The report is what a board gets: complete, inert, private, printable, and the same every time."""

from __future__ import annotations

import random
import re
import shutil
import stat
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mentoring.evaluation import Answer, EvaluationSummary, Participant, summarise_evaluation
from mentoring.evaluation.weights import Effect, WeightLesson
from mentoring.program import Program, Question
from tasks.reports import ReportError, render_report, write_report

LESSON = WeightLesson(
    "change",
    400,
    120,
    (Effect("topics", 300, 0.4, 0.1, 0.7, 150), Effect("focus_areas", 200, 0.5, -0.1, 1.1)),
)
MADE_ON = date(2027, 12, 12)
FORMS = ["mentor", "mentee", "request", "check_in", "evaluation"]
TOPICS = [
    ("2027-03", "Getting to know each other: interests and hopes for the year"),
    ("2027-04", "Finding your way in the profession"),
    ("2027-05", "Metadata, standards and the people behind them"),
    ("2027-06", "Licences, budgets and saying no"),
    ("2027-07", "Conferences and how to enjoy them"),
    ("2027-08", "Writing, presenting, publishing"),
    ("2027-09", "Leading without a title"),
    ("2027-10", "Work, rest and setting limits"),
    ("2027-11", "Looking back and staying in touch"),
]
QUESTIONS = [
    Question(
        id="satisfaction",
        text="How satisfied are you with the mentoring year?",
        kind="scale",
        low="not at all",
        high="very satisfied",
    ),
    Question(
        id="fit",
        text="How well did you and your partner fit?",
        kind="scale",
        low="not at all",
        high="very well",
    ),
    Question(
        id="goals_met",
        text="How far did you get with the goals you had in mind?",
        kind="scale",
        low="nowhere",
        high="all the way",
    ),
    Question(
        id="contact_frequency",
        text="How often were you in touch?",
        kind="choice",
        choices=["Weekly", "Every two weeks", "Monthly", "Less often", "Never"],
    ),
    Question(
        id="would_recommend",
        text="Would you recommend the program to a colleague?",
        kind="choice",
        choices=["Yes", "Perhaps", "No"],
    ),
    Question(id="useful_topics", text="Which topics were useful to you?", kind="multiple"),
    Question(
        id="participate_again",
        text="Would you take part again?",
        kind="choice",
        choices=["Yes, as a mentor", "Yes, as a mentee", "Perhaps", "No"],
    ),
    Question(id="most_valuable", text="What was most valuable to you?", kind="text"),
    Question(id="improve", text="What should we do better next year?", kind="text"),
]
YEAR: dict[str, int] = {
    "applications.mentor": 24,
    "applications.mentee": 31,
    "accepted.mentor": 20,
    "accepted.mentee": 26,
    "matched.mentor": 20,
    "matched.mentee": 24,
    "introduced": 25,
    "rematches": 2,
    "ended.completed": 22,
    "ended.withdrawn": 1,
    "ended.not_working_out": 2,
    "contact.told": 19,
    "contact.none": 2,
    "contact.unknown": 4,
    "waiting.mentee": 2,
    **{
        f"topics_sent.{month}": 23 - (place == 3) - 2 * (place == 0)
        for place, (month, _) in enumerate(TOPICS)
    },
}
VALUABLE = [
    "Having one person outside my own library whom I could ask anything at all.",
    "We rewrote my conference proposal three times. It was accepted!",
    "My mentor explained licence negotiation with real (anonymous) examples. I used it the week after.",
    "Seeing my own work through the eyes of somebody at the start of a career.",
    "The monthly topic gave us a reason to call even when we were both tired.",
    "Permission to be undecided.",
    "Talking about BIBFRAME with somebody who does not fall asleep.",
]
IMPROVE = [
    "Start a month earlier; the spring conferences came before we knew each other.",
    "The August topic felt thin. A reading would help.",
    "A short call for all mentors halfway through.",
    "Five time zones are two too many for us.",
]


def load_program(**changes: Any) -> Program:
    link = "https://association.example/form?reference={token}"
    settings: dict[str, Any] = {
        "name": "Serials & Metadata Mentoring Program",
        "association": "North Atlantic Library Association",
        "committee_address": "mentoring@nala.example",
        "sender": {"name": "Mentoring", "address": "mentoring@nala.example"},
        "links": dict.fromkeys(["code_of_conduct", "guidelines", *(f"{form}_form" for form in FORMS)], link),
        "time_zone": "America/New_York",
        "focus_areas": ["Cataloging"],
        "library_types": ["Academic"],
        "channels": ["E-mail"],
        "topics": ["Careers"],
        "time_zones": {},
        "forms": {},
        "evaluation": [question.model_dump() for question in QUESTIONS],
        "cohorts": {
            "2027": {
                "applications_open": "2027-01-11",
                "applications_close": "2027-02-12",
                "starts": "2027-03-01",
                "ends": "2027-11-30",
                "evaluation_opens": "2027-11-15",
                "evaluation_due": "2027-12-10",
            }
        },
    }
    return Program.model_validate(settings | changes)


def make_up_year(pairs: int = 25, share_answering: float = 0.76) -> EvaluationSummary:
    """A plausible year of made-up answers, always the same."""
    chance = random.Random(2027)
    participants, answers = [], []
    valuable, improve = VALUABLE.copy(), IMPROVE.copy()
    for number in range(pairs):
        mood = chance.choice([2, 3, 4, 4, 5, 5])
        for role in ("mentor", "mentee"):
            replies = chance.random() < share_answering
            participants.append(Participant(f"{role}-{number}", role, f"match-{number}", replies))  # type: ignore[arg-type]
            if replies:
                texts = _make_up_answer(chance, mood, valuable, improve)
                if len(answers) == 3:
                    texts["goals_met"] = "mostly"
                answers.append(Answer(f"{role}-{number}", role, f"match-{number}", texts))  # type: ignore[arg-type]
    return summarise_evaluation(participants, answers, QUESTIONS, TOPICS, YEAR)


def _make_up_answer(
    chance: random.Random, mood: int, valuable: list[str], improve: list[str]
) -> dict[str, str]:
    def step(shift: float) -> str:
        return str(min(5, max(1, round(mood + shift + chance.gauss(0, 0.7)))))

    usefulness = [7, 5, 4, 3, 6, 5, 3, 4, 2]
    named = [
        title for (_, title), weight in zip(TOPICS, usefulness, strict=True) if chance.random() < weight / 9
    ]
    return {
        "satisfaction": step(0.4),
        "fit": step(0.1),
        "goals_met": step(-0.5),
        "contact_frequency": chance.choices(QUESTIONS[3].choices, [2, 5, 8, 2, 0.5])[0],
        "would_recommend": "Yes" if mood > 3 or chance.random() < 0.4 else chance.choice(["Perhaps", "No"]),
        "useful_topics": "; ".join(named),
        "participate_again": chance.choice(["Yes, as a mentor", "Yes, as a mentor", "Perhaps", "No"]),
        "most_valuable": valuable.pop() if valuable and chance.random() < 0.5 else "",
        "improve": improve.pop() if improve and chance.random() < 0.5 else "",
        "comment": "Thank you for all the work behind this!" if chance.random() < 0.1 else "",
        "quote_consent": chance.choice(["Yes", "Yes", "Yes", "No"]),
    }


class Page(HTMLParser):
    """Every tag with its attributes, the text that a reader sees, and the style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.style = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open == "style":
            self.style += data
            self._open = ""
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def render(summary: EvaluationSummary) -> str:
    return render_report(summary, load_program(), "2027", MADE_ON)


@pytest.fixture(scope="module")
def year() -> EvaluationSummary:
    return make_up_year()


@pytest.fixture(scope="module")
def page(year: EvaluationSummary) -> Page:
    return Page(render(year))


def summarise_comments(comments: Sequence[str]) -> EvaluationSummary:
    people = [Participant(f"p{number}", "mentee", f"m{number}", True) for number in range(len(comments))]
    answers = [
        Answer(each.participant_id, "mentee", each.match_id, {"comment": comment, "quote_consent": "Yes"})
        for each, comment in zip(people, comments, strict=True)
    ]
    return summarise_evaluation(people, answers, QUESTIONS, TOPICS, YEAR)


def test_report_shows_the_figures_of_the_summary(page: Page, year: EvaluationSummary) -> None:
    satisfaction = year.scales[0].figures[0]
    assert satisfaction.favourable is not None
    assert f"{satisfaction.favourable.percent}% gave 4 or 5 to “How satisfied are you" in page.text
    assert f"{year.answered} of {year.invited} invitations" in page.text
    assert "Applications 24 31" in page.text
    assert "Ended because it did not work out 2" in page.text
    assert "June Licences, budgets and saying no 22" in page.text
    assert "1 March 2027 to 30 November 2027. Compiled on 12 December 2027." in page.text
    assert "1 more can’t be used" in page.text


def test_every_plot_has_a_title_a_description_and_a_table(page: Page) -> None:
    plots = [attributes for tag, attributes in page.tags if attributes.get("role") == "img"]
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(plots) == 9  # topics sent, response, three scales, three choices, useful topics
    assert page.count("table") == len(plots) + 2
    assert len(ids) == len(set(ids))
    for plot in plots:
        assert set((plot["aria-labelledby"] or "").split()) <= set(ids)


def test_report_has_a_language_one_first_heading_and_no_skipped_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert ("html", {"lang": "en"}) in page.tags
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_report_asks_nothing_of_the_network_and_runs_nothing(year: EvaluationSummary) -> None:
    text = render(year)
    page = Page(text)
    assert "://" not in text
    assert "@import" not in page.style
    assert not re.search(r"url\((?!#)", text)
    for tag, attributes in page.tags:
        assert tag not in {
            "script",
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "form",
            "base",
            "use",
            "image",
        }
        assert not {"href", "src", "srcset", "xlink:href", "action", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]


def test_policy_allows_the_style_of_the_page_and_nothing_else(page: Page) -> None:
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = b64encode(sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_hostile_comments_are_inert() -> None:
    hostile = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</blockquote></section><h1>Resign!</h1>",
        "{{ 7 * 7 }} {% for x in y %}",
        '"><svg onload=alert(1)><style>*{display:none}</style>',
        "&lt;b&gt; \u202egnp.exe",
    ]
    tame = Page(render(summarise_comments(["fine"] * len(hostile))))
    page = Page(render(summarise_comments(hostile)))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in tame.tags]
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }} {% for x in y %}" in page.text
    assert "&lt;b&gt; gnp.exe" in page.text


def test_texts_of_program_and_form_are_inert_too() -> None:
    bad = Question(id="bad", text="<b onclick=x>How?</b>", kind="choice", choices=["<i>Yes</i>", "No"])
    people = [Participant(f"p{number}", "mentor", f"m{number}", True) for number in range(6)]
    answers = [Answer(each.participant_id, "mentor", each.match_id, {"bad": "<i>Yes</i>"}) for each in people]
    summary = summarise_evaluation(people, answers, [bad], [("<u>", "<u>")], {"topics_sent.<u>": 3})
    page = Page(
        render_report(summary, load_program(association="<a href=//x.example>A</a>"), "2027", MADE_ON)
    )
    assert not {"b", "i", "u", "a"} & {tag for tag, _ in page.tags}
    assert "<i>Yes</i>: 6 of 6" in page.text


def test_whoever_did_not_agree_is_not_quoted() -> None:
    people = [Participant(f"p{number}", "mentee", f"m{number}", True) for number in range(3)]
    texts = [("Secret one", "No"), ("Secret two", ""), ("Open one", "Yes")]
    answers = [
        Answer(each.participant_id, "mentee", each.match_id, {"improve": text, "quote_consent": consent})
        for each, (text, consent) in zip(people, texts, strict=True)
    ]
    text = Page(render(summarise_evaluation(people, answers, QUESTIONS))).text
    assert "Open one" in text
    assert "Secret" not in text
    assert "2 more comments are not shown, because their authors did not agree." in text


def test_small_group_is_not_in_the_page_at_all() -> None:
    people = [Participant(f"p{number}", "mentor", f"m{number}", True) for number in range(6)]
    people += [Participant(f"q{number}", "mentee", f"m{number}", True) for number in range(4)]
    answers = [
        Answer(
            each.participant_id,
            each.role,
            each.match_id,
            {"satisfaction": "5" if each.role == "mentor" else "1"},
        )
        for each in people
    ]
    text = Page(render(summarise_evaluation(people, answers, QUESTIONS))).text
    assert "Everyone, answers 1 to 5: 4, 0, 0, 0, 6" in text
    assert "Mentees 4 answers: too few answers to show" in text
    assert "Mentors 6 answers: not shown, because it would give away" in text
    assert "Mentors, answers 1 to 5: 0" not in text


@pytest.mark.parametrize("invited", [0, 3])
def test_evaluation_that_nobody_answered_gives_a_sensible_report(invited: int) -> None:
    people = [Participant(f"p{number}", "mentor", f"m{number}", False) for number in range(invited)]
    text = Page(render(summarise_evaluation(people, [], QUESTIONS, TOPICS))).text
    assert "nothing can be said about how the year went" in text
    assert ("Nobody has been invited" in text) == (invited == 0)
    assert "What people said" not in text
    assert "nan" not in text.split()
    assert "None" not in text


def test_same_figures_give_the_same_page(year: EvaluationSummary) -> None:
    assert render(year) == render(make_up_year())


def test_report_is_written_whole_for_its_owner_alone(tmp_path: Path, year: EvaluationSummary) -> None:
    folder = tmp_path / "reports"
    path = write_report(folder, year, load_program(), "2027", MADE_ON)
    write_report(folder, year, load_program(), "2027", MADE_ON)
    assert path == folder / "evaluation-2027.html"
    assert [each.name for each in folder.iterdir()] == ["evaluation-2027.html"]
    assert path.read_text(encoding="utf-8") == render(year)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_cohort_with_a_slash_stays_in_the_folder(tmp_path: Path, year: EvaluationSummary) -> None:
    cohort = load_program().cohorts["2027"]
    program = load_program(cohorts={"../2027/28": cohort.model_dump()})
    path = write_report(tmp_path, year, program, "../2027/28", MADE_ON)
    assert path.resolve().parent == tmp_path.resolve()


def test_failed_writing_is_told_and_leaves_the_old_report(
    tmp_path: Path, year: EvaluationSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_report(tmp_path, year, load_program(), "2027", MADE_ON)
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(
        ReportError, match=r"evaluation-2027\.html can't be written \(No space left on device\)"
    ):
        write_report(tmp_path, make_up_year(pairs=7), load_program(), "2027", MADE_ON)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_folder_that_is_a_file_is_told(tmp_path: Path, year: EvaluationSummary) -> None:
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(ReportError, match="can't be written"):
        write_report(tmp_path / "reports", year, load_program(), "2027", MADE_ON)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip(
            "This test looks at the report in Chromium; install the Debian package chromium to run it."
        )
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ],
        )
        yield started
        started.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_report_fits_the_screen_and_its_style_is_in_force(
    browser: Any, tmp_path: Path, year: EvaluationSummary, width: int
) -> None:
    path = write_report(tmp_path, year, load_program(), "2027", MADE_ON)
    page = browser.new_page(viewport={"width": width, "height": 800})
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert told == []
    assert asked == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("getComputedStyle(document.querySelector('.step-5')).fill") == "rgb(31, 90, 134)"
    overlapping = """[...document.querySelectorAll('svg.plot')].flatMap(plot => {
      const texts = [...plot.querySelectorAll('.label, .value')].map(text => text.getBoundingClientRect());
      return texts.filter((box, place) => place % 2 && box.left < texts[place - 1].right);
    }).length"""
    assert page.evaluate(overlapping) == 0
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_report_is_readable_with_every_aid(
    browser: Any, tmp_path: Path, year: EvaluationSummary, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    taught = replace(year, lesson=LESSON)
    path = write_report(tmp_path, taught, load_program(), "2027", MADE_ON)
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    assert "topics 150 instead of 300" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
    page.close()


def test_nothing_is_cut_off_on_paper(browser: Any, tmp_path: Path, year: EvaluationSummary) -> None:
    path = write_report(tmp_path, year, load_program(), "2027", MADE_ON)
    # The narrower of A4 and Letter, less the margins: 210 mm - 2 × 16 mm at 96 pixels to the inch.
    page = browser.new_page(viewport={"width": 672, "height": 980})
    page.emulate_media(media="print")
    page.goto(path.as_uri())
    rights = "[...document.querySelectorAll('table, .plot')].map(each => each.getBoundingClientRect().right)"
    heights = "[...document.querySelectorAll('.figure')].map(each => each.getBoundingClientRect().height)"
    assert max(page.evaluate(rights)) < 673
    tallest = max(page.evaluate(heights))
    assert 100 < tallest < 900
    page.close()
