"""Validation of form responses by the suites in `tasks/expectations/`, run by Great Expectations itself."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mentoring.desk import SheetRow, SheetTab
from mentoring.form_fields import FormName
from mentoring.form_headings import list_questions
from mentoring.program import Program
from tasks import validation_engine
from tasks.validation import Fault, SheetCheck, validate_tab
from tasks.validation_engine import import_great_expectations
from tasks.validation_rules import EXPECTATIONS, SUITES, load_rules

ROOT = Path(__file__).parents[2]
TIME = {"submitted_at": "2027-01-12 09:14:03"}
APPLICATION = {
    **TIME,
    "email": "ada@example.org",
    "action": "Apply",
    "name": "Ada Example",
    "years_experience": "4",
    "focus_areas": "Metadata, Serials",
    "channels": "E-mail, Carrier pigeon",
    "time_zone": "Eastern (New York, Toronto)",
    "languages": "English",
    "code_of_conduct": "I have read the Code of Conduct and agree to comply with it",
}
GOOD: Mapping[FormName, Mapping[str, str]] = {
    "mentor": {**APPLICATION, "capacity": "2", "topics_offered": "Working with vendors, Knitting"},
    "mentee": {
        **APPLICATION,
        "topics_wanted": "Working with vendors|Finding a first job|",
        "goals_text": "I hope to find my feet.",
    },
    "confirmation": {**TIME, "token": "q7Rt-x_2"},
    "request": {**TIME, "email": "ada@example.org", "request": "I can’t go on", "rematch": "No, thank you"},
    "check_in": {**TIME, "token": "q7Rt-x_2", "signal": "Not yet", "contacts": "3"},
    "evaluation": {
        **TIME,
        "token": "q7Rt-x_2",
        "satisfaction": "5",
        "contact_frequency": "Weekly",
        "useful_topics": "Talking with vendors, Something else",
        "quote_consent": "No",
    },
}
CHANNELS = "E-mail; Phone; Online meeting; Chat; Text message"
BY_THE_LINK = "Please open the form by the link in our mail and send it again."
NO_TIME = "The time of this response is missing. Please send the form once more."
BAD_TIME = "The time of this response can't be read. Please send the form once more."
NO_ADDRESS = "The e-mail address is empty. Please write it like name@example.org."
UNREADABLE = (
    "Hardly a row of the tab “Mentor applications” can be read: times or addresses are not in their columns, or the "
    "times are typed text that could be two days, like 1/12/2027. Put the answers back under their questions, and make "
    "the times dates again."
)
LONG = "x" * 5001
LONG_ANSWER = "This answer is too long. Please shorten it to 5000 characters."

#: form, field, answer, what the applicant is asked to do
BROKEN: list[tuple[FormName, str, str, str]] = [
    ("mentor", "submitted_at", "", NO_TIME),
    ("mentee", "submitted_at", "last Tuesday", BAD_TIME),
    ("mentee", "submitted_at", "2027-02-31 09:14:03", BAD_TIME),
    ("request", "submitted_at", "", NO_TIME),
    ("confirmation", "submitted_at", "", NO_TIME),
    ("confirmation", "email", LONG, LONG_ANSWER),
    ("confirmation", "token", "", f"The code is missing. {BY_THE_LINK}"),
    ("confirmation", "token", "my name is Ada", f"The code was changed. {BY_THE_LINK}"),
    ("check_in", "submitted_at", "last Tuesday", BAD_TIME),
    ("evaluation", "submitted_at", "", NO_TIME),
    ("mentor", "email", "", NO_ADDRESS),
    (
        "mentee",
        "email",
        "maria.gomez(at)example.org",
        "An e-mail address must have an @-sign. Please write it like name@example.org.",
    ),
    (
        "mentor",
        "email",
        "someone@example",
        (
            "The part after the @-sign is not valid. It should have a period. Please write it like "
            "name@example.org."
        ),
    ),
    (
        "mentor",
        "email",
        "a@example.org, b@example.org",
        "There must be one address only. Please write it like name@example.org.",
    ),
    ("request", "email", "", NO_ADDRESS),
    (
        "mentor",
        "action",
        "Hm",
        "“Hm” is not one of the choices. Please choose one of these: Apply; Withdraw my application.",
    ),
    ("mentee", "name", "", "Please write your name."),
    (
        "mentor",
        "years_experience",
        "",
        "Please write a whole number from 0 to 60; write 0 if you are just beginning.",
    ),
    *(
        (
            form,
            "years_experience",
            text,
            (
                f"“{text}” is not a whole number from 0 to 60. Please write the number of years in digits, "
                f"for example 4."
            ),
        )
        for form in ("mentor", "mentee")
        for text in ("Two", "61", "-1", "4.5", "1e1", "٤")
    ),
    ("mentee", "focus_areas", "", "Please choose at least one area, or write one of your own."),
    ("mentor", "channels", " , ", f"Please choose at least one of these: {CHANNELS}."),
    (
        "mentee",
        "channels",
        "Carrier pigeon, Phones",
        (
            "“Carrier pigeon; Phones” is not enough to find you a partner. "
            f"Please choose at least one of these: {CHANNELS}."
        ),
    ),
    ("mentor", "time_zone", "", "Please choose the time zone that you live in."),
    (
        "mentee",
        "time_zone",
        "Lisbon time, or whatever it is that Madeira is on",
        (
            "We don't know the time zone “Lisbon time, or whatever it is that Mad…”. Please choose one from "
            "the list, or write the nearest large city like this: America/New_York."
        ),
    ),
    (
        "mentor",
        "code_of_conduct",
        "",
        (
            "Please read our Code of Conduct and confirm that you comply with it. Without that we can't "
            "match you."
        ),
    ),
    (
        "mentee",
        "code_of_conduct",
        "Yesterday",
        (
            "“Yesterday” does not confirm that you comply with our Code of Conduct. Please read it and "
            "confirm; without that we can't match you."
        ),
    ),
    ("mentor", "capacity", "", "Please write how many mentees you can take, from 1 to 5."),
    *(
        (
            "mentor",
            "capacity",
            text,
            f"“{text}” is not a number from 1 to 5. Please write how many mentees you can take, from 1 to 5.",
        )
        for text in ("0", "6", "9", "one", "1-2", "10")
    ),
    ("mentor", "topics_offered", "", "Please choose at least one topic that you could help with."),
    (
        "mentor",
        "topics_offered",
        "Knitting, not Working with vendors",
        (
            "“Knitting; not Working with vendors” is not among our topics. Please choose at least one topic "
            "from the list."
        ),
    ),
    ("mentee", "topics_wanted", "||", "Please choose at least one topic that you would like to talk about."),
    (
        "mentee",
        "topics_wanted",
        "Working with vendors|{value}|",
        "“{value}” is not among our topics. Please choose a topic from the list.",
    ),
    (
        "mentee",
        "topics_wanted",
        "Working with vendors|Finding a first job|working with  Vendors",
        "You chose “Working with vendors” more than once. Please choose a different topic for each place.",
    ),
    (
        "mentee",
        "goals_text",
        " \n ",
        "Please write a sentence or two about what you hope for; your mentor will want to know.",
    ),
    ("mentee", "goals_text", LONG, LONG_ANSWER),
    ("mentor", "experience_text", LONG, LONG_ANSWER),
    ("request", "comment", LONG, LONG_ANSWER),
    ("check_in", "comment", LONG, LONG_ANSWER),
    ("evaluation", "most_valuable", LONG, LONG_ANSWER),
    ("request", "request", "", "Please choose what you would like to tell us."),
    (
        "request",
        "request",
        "Hello",
        (
            "“Hello” is not one of the choices. Please choose one of these: "
            "I can't go on; Our match isn't working out; I'd like to pause for a while; "
            "We'd like to go on after our pause."
        ),
    ),
    (
        "request",
        "rematch",
        "Maybe",
        "“Maybe” is not one of the choices. Please choose one of these: Yes, please; No, thank you.",
    ),
    *(
        (form, "token", text, mend)
        for form in ("check_in", "evaluation")
        for text, mend in (
            ("", f"The reference is missing. {BY_THE_LINK}"),
            ("my name is Ada", f"The reference was changed. {BY_THE_LINK}"),
        )
    ),
    ("check_in", "signal", "", "Please choose how it is going."),
    (
        "check_in",
        "signal",
        "Fine",
        (
            "“Fine” is not one of the choices. Please choose one of these: We are in touch; Not yet; "
            "I haven't heard from my partner; I'd like to talk to the committee."
        ),
    ),
    (
        "check_in",
        "contacts",
        "a few",
        "“a few” is not a whole number. Please write the number of contacts in digits, for example 2.",
    ),
    (
        "check_in",
        "rhythm",
        "daily",
        (
            "“daily” is not one of the choices. Please choose one of these: Every two weeks; Every month; "
            "Every two months."
        ),
    ),
    ("evaluation", "satisfaction", "6", "“6” is not a number from 1 to 5."),
    ("evaluation", "goals_met", "very", "“very” is not a number from 1 to 5."),
    (
        "evaluation",
        "contact_frequency",
        "Never ever",
        (
            "“Never ever” is not one of the choices. Please choose one of these: Weekly; Every two weeks; "
            "Monthly; Less often; Never."
        ),
    ),
    *(
        (
            "evaluation",
            field,
            "Never ever",
            "“Never ever” is not one of the choices. Please choose one of these: Yes; Perhaps; No.",
        )
        for field in ("would_recommend", "participate_again")
    ),
    (
        "evaluation",
        "quote_consent",
        "Ask me",
        "“Ask me” is not one of the choices. Please choose one of these: Yes; No.",
    ),
]


@cache
def read_program() -> Program:
    """The sample program, with a form for confirmations: its options hold commas, brackets and dots."""
    path = ROOT / "deployments" / "programs" / "sample" / "program.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    fields = {"submitted_at": "Timestamp", "email": "Email Address", "token": "Code"}
    data["forms"]["confirmation"] = {"tab": "Confirmations", "fields": fields}
    return Program.model_validate(data)


def make_tab(form: FormName, *changes: Mapping[str, str]) -> SheetTab:
    """A tab with one good row per entry of `changes`, changed by it; "|" divides a field's questions."""
    questions = list_questions(read_program(), form)
    rows = []
    for number, change in enumerate(changes, 2):
        row = {**GOOD[form], **change}
        cells = []
        for field, texts in questions.items():
            given = row.get(field, "").split("|") if len(texts) > 1 else [row.get(field, "")]
            cells += given + [""] * (len(texts) - len(given))
        rows.append(SheetRow(number, tuple(cells)))
    headings = tuple(text for texts in questions.values() for text in texts)
    return SheetTab(read_program().forms[form].tab, headings, tuple(rows))


def check(form: FormName, *changes: Mapping[str, str], **options: Any) -> SheetCheck:
    """Check a tab made of these rows against the sample program."""
    return validate_tab(read_program(), form, make_tab(form, *changes), **options)


def shuffle_cases(form: FormName) -> list[tuple[str, str, str]]:
    """Broken answers of a form in a fixed random order, among twice as many good rows (an empty field)."""
    cases = [(field, text, mend) for name, field, text, mend in BROKEN if name == form]
    cases += [("", "", "")] * (2 * len(cases))
    random.Random(2027).shuffle(cases)
    return cases


@pytest.fixture(autouse=True)
def nothing_checked_before() -> None:
    """Every test sees the rules at work, whatever others checked before it."""
    validation_engine._latest.clear()


# Rules


@pytest.mark.parametrize("form", SUITES)
def test_every_broken_row_gets_its_own_sentence_and_no_good_row_any(form: FormName) -> None:
    cases = shuffle_cases(form)
    outcome = check(form, *({field: text} if field else {} for field, text, _ in cases))
    assert outcome.problems == ()
    assert [response.row for response in outcome.responses] == list(range(2, len(cases) + 2))
    questions = list_questions(read_program(), form)
    assert {row: tuple(faults) for row, faults in outcome.faults.items()} == {
        row: (Fault(field, questions[field][0], mend, row),)
        for row, (field, _, mend) in enumerate(cases, 2)
        if field
    }


@pytest.mark.parametrize("form", SUITES)
def test_every_rule_of_every_suite_has_a_broken_row_above(form: FormName) -> None:
    sentences = [mend for name, _, _, mend in BROKEN if name == form]
    sentences += [mend for name, _, _, mend in BROKEN if {name, form} == {"mentor", "mentee"}]
    for rule in load_rules(read_program(), form):
        if "mend" in rule["meta"]:
            pattern = re.sub(r"\\\{(?:value|found)\\\}", ".+", re.escape(rule["meta"]["mend"]))
            assert any(re.fullmatch(pattern, sentence) for sentence in sentences), rule["description"]


@pytest.mark.parametrize("form", SUITES)
def test_every_rule_is_in_words_and_says_what_it_stops(form: FormName) -> None:
    for rule in load_rules(read_program(), form):
        assert rule["description"].endswith(".")
        assert ("problem" in rule["meta"]) != ({"field", "mend"} <= set(rule["meta"]))
        assert "$" not in f"{rule}"


def test_fault_as_the_committee_reads_it() -> None:
    [[fault]] = check("mentor", {"capacity": "9"}).faults.values()
    assert fault.for_committee() == (
        "Row 2, “How many mentees can you take?”: “9” is not a number from 1 to 5. Please write how many "
        "mentees you can take, from 1 to 5."
    )


def test_several_faults_of_a_row_come_in_the_order_of_the_suites() -> None:
    broken = {
        "capacity": "9",
        "code_of_conduct": "",
        "email": "",
        "submitted_at": "",
        "experience_text": LONG,
    }
    [faults] = check("mentor", broken).faults.values()
    assert [fault.field for fault in faults] == [
        "submitted_at",
        "experience_text",
        "email",
        "code_of_conduct",
        "capacity",
    ]


@pytest.mark.parametrize(
    ("form", "change"),
    [
        ("mentor", {"years_experience": "0", "capacity": "1", "time_zone": "europe/berlin"}),
        ("mentor", {"years_experience": "60", "capacity": "5", "focus_areas": "Zines"}),
        ("mentor", {"years_experience": "007", "code_of_conduct": "yes", "action": ""}),
        ("mentor", {"experience_text": "x" * 5000, "institution": "", "languages": ""}),
        ("mentee", {"topics_wanted": "||Working with vendors", "goals_text": "=1+1"}),
        ("mentee", {"email": "zoë@exämple.org", "submitted_at": "1/13/2027 9:14:03", "name": "佐藤 美咲"}),
        ("request", {"rematch": "", "token": ""}),
        ("check_in", {"contacts": ""}),
        ("evaluation", {"satisfaction": "", "contact_frequency": "", "quote_consent": ""}),
    ],
)
def test_what_is_acceptable(form: FormName, change: Mapping[str, str]) -> None:
    outcome = check(form, change)
    assert (outcome.problems, dict(outcome.faults)) == ((), {})
    assert len(outcome.responses) == 1


def test_withdrawing_takes_an_address_and_a_time_only() -> None:
    bare = dict.fromkeys(GOOD["mentor"], "") | {"action": "Withdraw my application", "experience_text": LONG}
    outcome = check(
        "mentor",
        bare | {"email": "ada@example.org", "submitted_at": "2027-01-12 09:14:03"},
        bare | {"submitted_at": "2027-01-12 09:14:03"},
        bare | {"email": "ada@example.org"},
    )
    assert {row: [fault.field for fault in faults] for row, faults in outcome.faults.items()} == {
        3: ["email"],
        4: ["submitted_at"],
    }
    assert outcome.responses[0].is_withdrawal


def test_quoted_answers_are_short_and_on_one_line() -> None:
    [[fault]] = check("mentor", {"capacity": "as many\nas  " + "possible " * 9}).faults.values()
    assert fault.mend.startswith("“as many as possible possible possible p…” is not a number")


def test_answers_that_look_like_placeholders_are_left_alone() -> None:
    [[fault]] = check("mentor", {"time_zone": "{found} $channels \\1"}).faults.values()
    assert "“{found} $channels \\1”" in fault.mend


# Sheets


def test_tab_with_headings_only_is_fine() -> None:
    assert check("mentor") == SheetCheck()


def test_tab_that_is_missing() -> None:
    assert validate_tab(read_program(), "mentee", None).problems == (
        (
            "The forms spreadsheet has no tab “Mentee applications”. Rename it back, or change its name in "
            "program.yaml under forms → mentee → tab."
        ),
    )


@pytest.mark.parametrize(
    ("headings", "sentence"),
    [
        (
            lambda headings: ["E-mail adress" if text == "Email Address" else text for text in headings],
            (
                "The tab “Mentor applications” has no column “Email Address”; it has “E-mail adress”. Rename "
                "it back, or change the mapping in program.yaml under forms → mentor → fields → email."
            ),
        ),
        (
            lambda headings: [
                "" if text == "Which topics could you help with?" else text for text in headings
            ],
            (
                "The tab “Mentor applications” has no column “Which topics could you help with?”. Put it "
                "back, or change the mapping in program.yaml under forms → mentor → fields → topics_offered."
            ),
        ),
        (
            lambda headings: [
                "Your name" if text == "Telephone number (optional)" else text for text in headings
            ],
            (
                "The tab “Mentor applications” has the column “Your name” 2 times. Keep the one with the "
                "answers and rename or delete the other."
            ),
        ),
    ],
)
def test_renamed_missing_or_doubled_heading_stops_the_tab(headings: Any, sentence: str) -> None:
    tab = make_tab("mentor", {}, {"capacity": "9"})
    outcome = validate_tab(
        read_program(), "mentor", SheetTab(tab.name, tuple(headings(tab.headings)), tab.rows)
    )
    assert sentence in outcome.problems
    assert (outcome.responses, dict(outcome.faults)) == ((), {})


@pytest.mark.parametrize(
    "broken", [{"email": "Metadata"}, {"submitted_at": "Ada"}, {"submitted_at": "", "email": ""}]
)
def test_moved_columns_stop_the_tab(broken: Mapping[str, str]) -> None:
    outcome = check("mentor", {}, *[broken] * 9)
    assert outcome == SheetCheck(((UNREADABLE),))


def swap(texts: Sequence[str], one: int, other: int) -> tuple[str, ...]:
    swapped = list(texts)
    swapped[one], swapped[other] = texts[other], texts[one]
    return tuple(swapped)


@pytest.mark.parametrize("other", ["name", "submitted_at"])
def test_swapped_headings_stop_the_tab_and_swapped_columns_do_not(other: str) -> None:
    program = read_program()
    tab = make_tab("mentor", *[{}] * 12)
    questions = list_questions(program, "mentor")
    places = [tab.headings.index(questions[field][0]) for field in ("email", other)]
    headings = swap(tab.headings, *places)
    rows = tuple(SheetRow(row.number, swap(row.cells, *places)) for row in tab.rows)
    assert validate_tab(program, "mentor", SheetTab(tab.name, headings, tab.rows)) == SheetCheck(
        (UNREADABLE,)
    )
    as_it_was = validate_tab(program, "mentor", tab)
    assert not as_it_was.problems
    assert validate_tab(program, "mentor", SheetTab(tab.name, headings, rows)) == as_it_was


def test_few_or_some_unreadable_rows_stop_nothing() -> None:
    assert set(check("mentor", *[{"email": "Metadata"}] * 9).faults) == set(range(2, 11))
    assert set(check("mentor", {}, {}, *[{"email": "Metadata"}] * 8).faults) == set(range(4, 12))


def change_suite(folder: Path, name: str, change: Any) -> Path:
    """A copy of the suites in which `change` was made to one of them."""
    copy = folder / "expectations"
    shutil.copytree(EXPECTATIONS, copy)
    suite = yaml.safe_load((copy / f"{name}.yaml").read_text(encoding="utf-8"))
    change(suite["expectations"])
    (copy / f"{name}.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    "kwargs", [{"column": "no such column", "regex": "x"}, {"column": "capacity", "regex": "("}]
)
def test_rule_that_breaks_down_stops_the_tab_and_accepts_nobody(
    tmp_path: Path, kwargs: dict[str, str]
) -> None:
    suites = change_suite(tmp_path, "mentor", lambda rules: rules[1].update(kwargs=kwargs))
    assert check("mentor", {}, {"capacity": "9"}, expectations=suites) == SheetCheck(
        (
            (
                "The tab “Mentor applications” could not be checked: the rule “A mentor takes 1 to 5 "
                "mentees.” did not work on it. Nobody on it was accepted or turned away. Please tell the "
                "operator."
            ),
        )
    )


def test_rule_that_most_rows_must_keep_still_names_the_others(tmp_path: Path) -> None:
    suites = change_suite(tmp_path, "mentor", lambda rules: rules[1]["kwargs"].update(mostly=0.5))
    assert list(check("mentor", {}, {"capacity": "9"}, {}, expectations=suites).faults) == [3]


def test_rule_about_the_tab_that_breaks_down_is_not_taken_for_its_finding(tmp_path: Path) -> None:
    suites = change_suite(tmp_path, "sheet", lambda rules: rules[1]["kwargs"].update(column="no such column"))
    [problem] = check("mentor", *[{}] * 10, expectations=suites).problems
    assert problem.startswith(
        "The tab “Mentor applications” could not be checked: the rule “On a tab with ten"
    )


def test_lost_column_stops_the_tab(tmp_path: Path) -> None:
    suites = change_suite(tmp_path, "sheet", lambda rules: rules[0]["kwargs"].update(column_set=["nothing"]))
    assert check("mentor", {}, expectations=suites).problems == (
        (
            "The tab “Mentor applications” lacks a column that the program reads. Compare its headings with "
            "program.yaml."
        ),
    )


def test_placeholder_without_a_meaning_is_refused(tmp_path: Path) -> None:
    suites = change_suite(tmp_path, "mentor", lambda rules: rules[1].update(description="At most $many."))
    with pytest.raises(ValueError, match=r"“At most \$many\.” uses \$many, which stands for nothing"):
        check("mentor", {}, expectations=suites)


# The library underneath


def test_a_tab_is_run_through_again_only_once_it_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = []
    run = validation_engine._run_rules
    monkeypatch.setattr(
        validation_engine, "_run_rules", lambda rules, table: tables.append(len(table)) or run(rules, table)
    )
    outcomes = [check("mentor", {}, {"capacity": text}) for text in ("9", "9", "8 or 9", "9")]
    assert len(tables) == 2
    assert outcomes[0] == outcomes[1] == outcomes[3] != outcomes[2]
    # A row that moved is another row.
    assert set(check("mentor", {"capacity": "9"}, {}).faults) == {2}
    assert len(tables) == 3


def test_threads_do_not_mix_their_tables() -> None:
    jobs = [(form, place) for place in range(4) for form in SUITES]

    def find_faulty_rows(job: tuple[FormName, int]) -> list[int]:
        form, place = job
        rows = [{"submitted_at": "?"} if row == place else {} for row in range(4 + place)]
        return list(check(form, *rows).faults)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(find_faulty_rows, jobs)) == [[place + 2] for _, place in jobs]


def test_expectations_that_keep_their_configuration_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library makes a configuration anew dozens of times for every rule; ours lets it make one a rule."""
    rows = [{"email": "nobody"}, {}, {"capacity": "many", "submitted_at": "?"}]
    import_great_expectations()
    kept, few = count_configurations(lambda: check("mentor", *rows))
    validation_engine._latest.clear()
    monkeypatch.setattr(validation_engine, "_keeping_configurations", nullcontext)
    plain, many = count_configurations(lambda: check("mentor", *rows))
    assert list(kept.faults) == [2, 4]
    assert plain == kept
    assert many > 5 * few > 0


def count_configurations(work: Callable[[], SheetCheck]) -> tuple[SheetCheck, int]:
    """What the work comes to, and how many configurations of expectations were made for it."""
    from great_expectations.expectations.expectation import ExpectationConfiguration

    made: list[None] = []
    make = ExpectationConfiguration.__init__

    def note(self: Any, *args: Any, **kwargs: Any) -> None:
        made.append(None)
        make(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExpectationConfiguration, "__init__", note)
        return work(), len(made)


def test_nothing_about_anybody_is_printed_or_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    suites = change_suite(tmp_path, "mentor", lambda rules: rules[1]["kwargs"].update(regex="("))
    secret = {"name": "Zebedee", "email": "zebedee(at)example.org", "capacity": "Zebedee"}
    outcome = check("mentor", secret)
    stopped = check("mentor", secret, expectations=suites)
    assert len(outcome.faults[2]) == 2
    assert "ebedee" not in repr(outcome) + repr(stopped)
    assert caplog.text + "".join(capfd.readouterr()) == ""


def test_importing_the_module_loads_nothing_heavy_and_checking_is_quiet() -> None:
    source = f"""
import sys
import tasks.validation
assert not {{"great_expectations", "pandas", "email_validator"}} & set(sys.modules), "loaded at import"
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_validation import check
check("mentor", {{"capacity": "9"}})
assert "great_expectations" in sys.modules
"""
    run = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# Forms as Google makes them


def change_program(form: FormName, **changes: Any) -> Program:
    """The sample program with another description of one form; `fields` are added to its mapping."""
    path = ROOT / "deployments" / "programs" / "sample" / "program.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    described = data["forms"][form]
    fields = {**described["fields"], **changes.pop("fields", {})}
    return Program.model_validate(
        data | {"forms": {**data["forms"], form: {**described, "fields": fields, **changes}}}
    )


@pytest.mark.parametrize(
    ("form", "field", "answer", "mend"),
    [
        ("mentor", "focus_areas", "Zines, Metadata, Comics, and more", "“Zines; Comics; and more”"),
        ("mentor", "channels", "E-mail, Carrier pigeon", "“Carrier pigeon”"),
        ("mentee", "library_type", "Bookmobile", "“Bookmobile”"),
        ("evaluation", "useful_topics", "Talking with vendors, Tea", "“Tea”"),
    ],
)
def test_other_words_are_taken_where_the_program_declares_them_and_else_get_a_mend(
    form: FormName, field: str, answer: str, mend: str
) -> None:
    tab = make_tab(
        form,
        {"channels": "E-mail", "topics_offered": "Working with vendors", "useful_topics": ""}
        | {field: answer},
    )
    for other in (None, [field]):
        assert dict(validate_tab(change_program(form, other=other), form, tab).faults) == {}
    [[fault]] = validate_tab(change_program(form, other=[]), form, tab).faults.values()
    assert fault.field == field
    assert fault.mend.startswith(f"{mend} is not one of the choices. Please choose from these: ")


def test_a_choice_of_the_evaluation_takes_other_words_where_declared() -> None:
    tab = make_tab("evaluation", {"contact_frequency": "Whenever we like", "useful_topics": ""})
    assert (
        dict(
            validate_tab(change_program("evaluation", other=["contact_frequency"]), "evaluation", tab).faults
        )
        == {}
    )
    [[fault]] = validate_tab(read_program(), "evaluation", tab).faults.values()
    assert fault.field == "contact_frequency"


def make_grid(**cells: str) -> tuple[Program, SheetTab]:
    """The mentee's form with its ranking as a grid of topics, and one row with these cells."""
    choose = ["First choice", "Second choice"]
    program = change_program("mentee", fields={"topics_wanted": {"grid": "Rank", "choose": choose}})
    tab = make_tab("mentee", {"topics_wanted": "||"})
    headings = (*tab.headings, *(f"Rank [{topic}]" for topic in program.topics))
    texts = (*tab.rows[0].cells, *(cells.get(topic.split()[0], "") for topic in program.topics))
    return program, SheetTab(tab.name, headings, (SheetRow(2, texts),))


def test_a_grid_of_topics_is_a_ranking_with_one_topic_for_each_place() -> None:
    program, tab = make_grid(Working="Second choice", Finding="First choice")
    outcome = validate_tab(program, "mentee", tab)
    assert dict(outcome.faults) == {}
    assert outcome.responses[0].answers["topics_wanted"] == "Finding a first job; Working with vendors"
    [[fault]] = validate_tab(
        *insert_form(make_grid(Working="First choice", Finding="First choice"))
    ).faults.values()
    assert fault == Fault(
        "topics_wanted",
        "Rank",
        "“Finding a first job” and “Working with vendors” have the same place. Please give each place to one topic only.",
        2,
    )
    [[fault]] = validate_tab(*insert_form(make_grid())).faults.values()
    assert fault.mend == "Please choose at least one topic that you would like to talk about."


def insert_form(made: tuple[Program, SheetTab]) -> tuple[Program, FormName, SheetTab]:
    return made[0], "mentee", made[1]


def test_times_that_could_be_two_days_get_a_fault_unless_the_tab_tells_how_to_read_them() -> None:
    typed = {"submitted_at": "1/12/2027 9:14:03"}
    [[fault]] = check("mentor", typed, {}).faults.values()
    assert (fault.row, fault.mend) == (
        2,
        "The time of this response can mean two different days. Please send the form once more.",
    )
    assert dict(check("mentor", typed, {"submitted_at": "1/13/2027 9:14:03"}).faults) == {}


def test_a_tab_full_of_times_that_could_be_two_days_is_not_read_at_all() -> None:
    outcome = check("mentor", *[{"submitted_at": f"1/{day}/2027 9:14:03"} for day in range(2, 13)])
    assert outcome.problems == (UNREADABLE,)


def test_a_fault_names_the_question_that_the_form_asks() -> None:
    program = change_program("mentor", fields={"capacity": {"pattern": "^How many mentees"}})
    tab = make_tab("mentor", {"capacity": "9"})
    headings = tuple(
        "How many mentees in 2028?" if text.startswith("How many mentees") else text for text in tab.headings
    )
    [[fault]] = validate_tab(program, "mentor", SheetTab(tab.name, headings, tab.rows)).faults.values()
    assert fault.question == "How many mentees in 2028?"
