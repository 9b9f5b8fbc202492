"""The sample program: complete, consistent with itself, realistic in its mess, and without real addresses."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
import yaml

from mentoring.choices import split_choices
from mentoring.form_fields import (
    ACTIONS,
    QUOTE_ANSWERS,
    REMATCH_ANSWERS,
    REQUESTS,
    SHARE_PARTS,
    SIGNALS,
    WITHDRAW,
)
from mentoring.policy import Policy
from mentoring.program import Program

SAMPLE = Path(__file__).parents[2] / "deployments" / "programs" / "sample"
ROLES = ("mentor", "mentee")
ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")
MADE_UP_HOST = re.compile(
    r"(?:(?:[a-z0-9-]+\.)*example\.(?:org|com|net)|(?:[a-z0-9-]+\.)+example)", re.IGNORECASE
)
CLOSES, STARTS = date(2027, 2, 12), date(2027, 3, 1)

Row = dict[str, str]
Person = tuple[str, str]


@cache
def load_program() -> Program:
    return Program.model_validate(yaml.safe_load((SAMPLE / "program.yaml").read_text("utf-8")))


@cache
def load_timeline() -> dict[str, Any]:
    return yaml.safe_load((SAMPLE / "timeline.yaml").read_text("utf-8"))


def read_table(role: str) -> list[list[str]]:
    with (SAMPLE / f"{role}_applications.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def list_questions(program: Program, form: str) -> list[str]:
    fields = program.forms[form].fields.values()
    return [question for asked in fields for question in ([asked] if isinstance(asked, str) else asked)]


def read_rows(program: Program, role: str) -> list[Row]:
    """Rows that are not blank, by field; the mentee's three choices are one field, joined with "; "."""
    headings, *rows = read_table(role)
    places = {heading: place for place, heading in enumerate(headings)}
    fields = program.forms[role].fields
    return [
        {
            name: "; ".join(
                row[places[q]] for q in ([asked] if isinstance(asked, str) else asked) if row[places[q]]
            )
            for name, asked in fields.items()
        }
        for row in rows
        if any(cell.strip() for cell in row)
    ]


def fold(address: str) -> str:
    return address.strip().casefold()


def day_of(row: Row) -> date:
    return datetime.strptime(row["submitted_at"], "%Y-%m-%d %H:%M:%S").date()


def is_acceptable(program: Program, role: str, row: Row) -> bool:
    return (
        ADDRESS.fullmatch(row["email"].strip()) is not None
        and "(at)" not in row["email"]
        and row["action"] == "Apply"
        and row["code_of_conduct"].startswith("I have read")
        and row["years_experience"].isdigit()
        and (row["time_zone"] in program.time_zones or row["time_zone"] in available_timezones())
        and (role == "mentee" or 1 <= int(row["capacity"]) <= 5)
    )


def list_acceptable(program: Program, role: str, day: date) -> dict[str, Row]:
    """Acceptable applications as they stand on a day: the latest of each address, as corrected by then."""
    timeline = load_timeline()
    names = {asked: name for name, asked in program.forms[role].fields.items() if isinstance(asked, str)}
    latest = {fold(row["email"]): row for row in read_rows(program, role) if day_of(row) <= day}
    for edit in timeline["edits"]:
        if edit["role"] == role and edit["date"] <= day:
            latest[edit["email"]] |= {names[question]: answer for question, answer in edit["answers"].items()}
    for deleted in timeline["deleted_rows"]:
        if deleted["role"] == role and deleted["date"] <= day:
            del latest[deleted["email"]]
    return {email: row for email, row in latest.items() if is_acceptable(program, role, row)}


def count_seats(mentors: dict[str, Row]) -> int:
    return sum(int(row["capacity"]) for row in mentors.values())


def list_people(value: Any) -> list[Person]:
    """Everybody whom a part of the timeline names, as (role, address)."""
    if isinstance(value, list):
        return [person for item in value for person in list_people(item)]
    if not isinstance(value, dict):
        return []
    own = [(value["role"], value["email"])] if "email" in value else []
    pair = [(role, value[role]) for role in ROLES if role in value]
    return own + pair + [person for item in value.values() for person in list_people(item)]


@pytest.fixture(scope="module")
def program() -> Program:
    return load_program()


@pytest.fixture(scope="module")
def timeline() -> dict[str, Any]:
    return load_timeline()


class TestProgram:
    def test_is_valid_and_has_its_dates(self, program: Program) -> None:
        cohort = program.cohorts[program.require_cohort(None)]
        assert list(program.cohorts) == ["2027"]
        assert (cohort.applications_open, cohort.applications_close) == (date(2027, 1, 11), CLOSES)
        assert (cohort.starts, cohort.ends) == (STARTS, date(2027, 11, 30))
        assert (cohort.evaluation_opens, cohort.evaluation_due) == (date(2027, 11, 15), date(2027, 12, 10))

    def test_policy_is_the_default_one_in_plain_sight(self, program: Program) -> None:
        assert program.policy == Policy()

    def test_personal_links_have_a_place_for_the_reference(self, program: Program) -> None:
        links = program.links
        assert all(
            "{token}" in link for link in (links.request_form, links.check_in_form, links.evaluation_form)
        )

    def test_maps_all_five_forms_without_a_doubled_question(self, program: Program) -> None:
        assert set(program.forms) == {"mentor", "mentee", "request", "check_in", "evaluation"}
        assert all(
            len(set(questions := list_questions(program, form))) == len(questions) for form in program.forms
        )

    def test_evaluation_questions_are_the_headings_of_their_form(self, program: Program) -> None:
        fields = program.forms["evaluation"].fields
        assert {question.id: question.text for question in program.evaluation}.items() <= fields.items()
        rest = set(fields) - {question.id for question in program.evaluation}
        assert rest == {"submitted_at", "token", "comment", "quote_consent"}

    def test_one_choice_holds_a_comma_as_real_forms_do(self, program: Program) -> None:
        assert any(", " in area for area in program.focus_areas)


@pytest.mark.parametrize("role", ROLES)
class TestApplications:
    def test_headings_are_the_mapped_questions_with_the_timestamp_first(
        self, program: Program, role: str
    ) -> None:
        headings = read_table(role)[0]
        assert headings == list_questions(program, role)
        assert headings[0] == "Timestamp"

    def test_every_row_is_as_wide_as_the_headings(self, role: str) -> None:
        assert len({len(row) for row in read_table(role)}) == 1

    def test_rows_are_in_the_order_in_which_they_came_in(self, program: Program, role: str) -> None:
        times = [row["submitted_at"] for row in read_rows(program, role)]
        assert times == sorted(times)
        assert times[0] >= "2027-01-11"

    def test_blank_rows_are_kept(self, role: str) -> None:
        assert sum(not any(row) for row in read_table(role)) == 2

    def test_choices_are_those_of_the_forms(self, program: Program, role: str) -> None:
        offered = {
            "focus_areas": program.focus_areas,
            "channels": program.channels,
            "library_type": program.library_types,
        }
        offered |= {
            "topics_offered": program.topics,
            "topics_wanted": program.topics,
            "share_consent": list(SHARE_PARTS),
        }
        offered |= {"action": list(ACTIONS), "desired_library_type": program.library_types}
        for row in read_rows(program, role):
            for name in offered.keys() & row.keys():
                assert set(split_choices(row[name], offered[name])) <= set(offered[name]), (
                    row["submitted_at"],
                    name,
                )

    def test_everybody_says_something_of_their_own(self, program: Program, role: str) -> None:
        texts = [
            row["experience_text" if role == "mentor" else "goals_text"] for row in read_rows(program, role)
        ]
        assert min(map(len, texts)) > 25
        assert sum(len(text) > 100 for text in texts) > 0.75 * len(texts)


class TestMess:
    def test_size(self, program: Program) -> None:
        assert [len(read_rows(program, role)) for role in ROLES] == [24, 32]

    def test_two_mentees_applied_twice_one_of_them_in_capitals(self, program: Program) -> None:
        rows = [row for row in read_rows(program, "mentee") if row["email"] and row["action"] == "Apply"]
        written = Counter(row["email"] for row in rows)
        folded = Counter(fold(row["email"]) for row in rows)
        assert [address for address, times in written.items() if times == 2] == ["marcus.webb@example.com"]
        assert {address for address, times in folded.items() if times == 2} == {
            "marcus.webb@example.com",
            "priya.raghunathan@example.org",
        }
        assert "PRIYA.RAGHUNATHAN@EXAMPLE.ORG" in written

    @pytest.mark.parametrize(("role", "count"), [("mentor", 1), ("mentee", 2)])
    def test_missing_code_of_conduct(self, program: Program, role: str, count: int) -> None:
        assert sum(not row["code_of_conduct"] for row in read_rows(program, role)) == count

    def test_bad_addresses(self, program: Program) -> None:
        bad = {
            row["email"]
            for role in ROLES
            for row in read_rows(program, role)
            if not ADDRESS.fullmatch(row["email"].strip()) or "(at)" in row["email"]
        }
        assert bad == {"maria.gomez(at)example.org", "someone@example", ""}

    def test_one_person_applies_in_both_roles(self, program: Program) -> None:
        mentors, mentees = ({fold(row["email"]) for row in read_rows(program, role)} for role in ROLES)
        assert mentors & mentees == {"gwen.stone@example.org"}

    def test_capacities_out_of_bounds(self, program: Program) -> None:
        capacities = Counter(row["capacity"] for row in read_rows(program, "mentor"))
        assert capacities == {"1": 20, "2": 2, "0": 1, "9": 1}

    @pytest.mark.parametrize("role", ROLES)
    def test_one_late_application(self, program: Program, role: str) -> None:
        assert sum(day_of(row) > CLOSES for row in read_rows(program, role)) == 1

    def test_text_that_looks_like_a_formula(self, program: Program) -> None:
        goals = [row["goals_text"] for row in read_rows(program, "mentee")]
        work = [row["experience_text"] for row in read_rows(program, "mentor")]
        phones = [row["phone"] for role in ROLES for row in read_rows(program, role)]
        assert sum(text.startswith('=HYPERLINK("http://') for text in goals) == 1
        assert sum(text.startswith("-Interested in") for text in goals) == 1
        assert sum(text.startswith("@") for text in work) == 1
        assert "+1 808 555 0100" in phones

    def test_telephone_numbers_with_leading_zeros(self, program: Program) -> None:
        assert sum(row["phone"].startswith("0") for role in ROLES for row in read_rows(program, role)) >= 8

    def test_a_withdrawn_application_follows_the_application(self, program: Program) -> None:
        rows = read_rows(program, "mentee")
        (withdrawn,) = (row for row in rows if row["action"] == WITHDRAW)
        assert [row["action"] for row in rows if row["email"] == withdrawn["email"]] == ["Apply", WITHDRAW]

    def test_years_in_letters(self, program: Program) -> None:
        years = [row["years_experience"] for role in ROLES for row in read_rows(program, role)]
        assert [year for year in years if not year.isdigit()] == ["Two"]

    def test_an_unknown_time_zone(self, program: Program) -> None:
        zones = [row["time_zone"] for role in ROLES for row in read_rows(program, role)]
        assert sum(zone not in program.time_zones for zone in zones) == 1
        assert {"Pacific/Honolulu", "Europe/Berlin"} <= {program.time_zones.get(zone) for zone in zones}

    def test_spaces_where_none_belong(self, program: Program) -> None:
        rows = read_rows(program, "mentor")
        assert any(row["email"] != row["email"].strip() for row in rows)
        assert any(row["name"].endswith(" ") and "  " in row["name"].strip() for row in rows)

    def test_a_mentor_and_a_mentee_share_an_institution(self, program: Program) -> None:
        places = [{row["institution"]: row["name"] for row in read_rows(program, role)} for role in ROLES]
        shared = {
            place for place in places[0].keys() & places[1].keys() if places[0][place] != places[1][place]
        }
        assert shared == {"Tamarack State University"}

    def test_names_in_several_scripts(self, program: Program) -> None:
        letters = "".join(row["name"] for role in ROLES for row in read_rows(program, role))
        scripts = {unicodedata.name(letter).split()[0] for letter in letters if letter.isalpha()}
        assert {"CJK", "CYRILLIC", "HANGUL", "ARABIC", "LATIN"} <= scripts
        assert {"ï", "Ł", "ễ", "ø"} <= set(letters)

    def test_languages_besides_english(self, program: Program) -> None:
        spoken = Counter(
            language
            for role in ROLES
            for row in read_rows(program, role)
            for language in row["languages"].split(", ")
        )
        assert spoken.most_common(1)[0][0] == "English"
        assert all(spoken[language] >= 3 for language in ("Spanish", "French", "German"))


class TestSupplyAndDemand:
    def test_is_tight_when_the_first_matches_are_made(self, program: Program) -> None:
        mentors, mentees = (list_acceptable(program, role, date(2027, 2, 22)) for role in ROLES)
        assert (len(mentors), count_seats(mentors), len(mentees)) == (19, 22, 24)

    def test_late_help_leaves_one_waiting_until_may_and_nobody_in_june(self, program: Program) -> None:
        withdrawn = "camille.thibodeaux@example.net"
        mentees = len(list_acceptable(program, "mentee", date(2027, 12, 31)))
        april = count_seats(list_acceptable(program, "mentor", date(2027, 4, 1)))
        june = count_seats(list_acceptable(program, "mentor", date(2027, 6, 1)))
        assert (mentees, april) == (24, 23)
        assert (
            june - int(list_acceptable(program, "mentor", date(2027, 6, 1))[withdrawn]["capacity"]) == mentees
        )

    def test_a_seat_is_free_for_the_pair_that_does_not_work_out(self, program: Program) -> None:
        june, july = (
            count_seats(list_acceptable(program, "mentor", day))
            for day in (date(2027, 6, 30), date(2027, 7, 12))
        )
        assert july == june + 1

    def test_corrections_mend_what_they_should(self, program: Program, timeline: dict[str, Any]) -> None:
        mended = set()
        for edit in timeline["edits"]:
            before = list_acceptable(program, edit["role"], date.fromordinal(edit["date"].toordinal() - 1))
            after = list_acceptable(program, edit["role"], edit["date"])
            assert edit["email"] in after
            if edit["email"] not in before:
                mended.add(edit["email"].split("@")[0])
        assert mended == {"chiara.shaw", "dmitri.halloran", "vernon.applegate", "theodora.lindgren"}


class TestTimeline:
    def test_has_exactly_the_parts_that_the_demo_plays(self, timeline: dict[str, Any]) -> None:
        assert list(timeline) == [
            *("cohort", "missed_day", "back_on", "edits", "deleted_rows", "decisions", "requests"),
            *(
                "default_signal",
                "default_contacts",
                "answer_after_days",
                "silent",
                "check_ins",
                "topics",
                "evaluations",
            ),
        ]
        assert timeline["missed_day"] == "2027-08"
        assert timeline["back_on"] == date(2027, 8, 3)

    def test_everybody_named_has_applied_in_that_role(
        self, program: Program, timeline: dict[str, Any]
    ) -> None:
        applied = {(role, fold(row["email"])) for role in ROLES for row in read_rows(program, role)}
        named = list_people(list(timeline.values()))
        named.append(("mentee", timeline["decisions"]["hold"]["mentee"]))
        assert len(named) > 60
        assert set(named) <= applied

    def test_whoever_takes_part_was_acceptable(self, program: Program, timeline: dict[str, Any]) -> None:
        taking_part = {role: list_acceptable(program, role, date(2027, 12, 31)).keys() for role in ROLES}
        parts = ("decisions", "requests", "silent", "check_ins", "evaluations")
        assert all(
            email in taking_part[role] for role, email in list_people([timeline[part] for part in parts])
        )

    def test_edits_name_questions_of_the_form(self, program: Program, timeline: dict[str, Any]) -> None:
        for edit in timeline["edits"]:
            assert set(edit) == {"role", "email", "date", "why", "answers"}
            assert set(edit["answers"]) <= set(list_questions(program, edit["role"]))

    def test_decisions_are_about_four_different_pairs(
        self, program: Program, timeline: dict[str, Any]
    ) -> None:
        decisions = timeline["decisions"]
        mentees = [decisions[name]["mentee"] for name in ("must_pair", "never_pair", "reject", "hold")]
        in_time = list_acceptable(program, "mentee", decisions["first_look_on"])
        assert len(set(mentees)) == 4
        assert set(mentees) <= in_time.keys()
        assert {decisions[name]["mentor"] for name in ("must_pair", "never_pair")} <= list_acceptable(
            program, "mentor", decisions["first_look_on"]
        ).keys()
        assert CLOSES < decisions["first_look_on"] < decisions["approve_on"] < STARTS
        assert decisions["hold"]["approve_on"] > STARTS

    def test_requests_use_the_words_of_the_form(self, timeline: dict[str, Any]) -> None:
        withdrawal, ending = timeline["requests"]
        assert (withdrawal["role"], withdrawal["submitted_at"][:10], withdrawal["request"]) == (
            "mentor",
            "2027-05-18",
            REQUESTS[0],
        )
        assert (ending["role"], ending["submitted_at"][:10], ending["request"]) == (
            "mentee",
            "2027-07-08",
            REQUESTS[1],
        )
        assert ending["rematch"] == REMATCH_ANSWERS[0]
        assert withdrawal["rematch"] in REMATCH_ANSWERS

    def test_check_ins_use_the_signals_of_the_form(self, timeline: dict[str, Any]) -> None:
        assert set(timeline["default_signal"]) == set(SIGNALS)
        assert sum(timeline["default_signal"].values()) == 100
        assert {entry["signal"] for entry in timeline["check_ins"]} == set(SIGNALS)
        months = {f"2027-{month:02d}" for month in range(4, 12)}
        assert {entry["check_in"] for entry in timeline["check_ins"]} <= months | {"first"}
        assert all(entry["contacts"].isdigit() or not entry["contacts"] for entry in timeline["check_ins"])
        keys = [(entry["role"], entry["email"], entry["check_in"]) for entry in timeline["check_ins"]]
        assert len(set(keys)) == len(keys)

    def test_one_mentee_has_heard_nothing_at_first(self, timeline: dict[str, Any]) -> None:
        (lonely,) = (entry for entry in timeline["check_ins"] if entry["signal"] == SIGNALS[2])
        assert (lonely["role"], lonely["check_in"]) == ("mentee", "first")

    def test_two_people_are_silent_everywhere(self, timeline: dict[str, Any]) -> None:
        silent = set(list_people(timeline["silent"]))
        assert len(silent) == 2
        assert not silent & set(list_people([timeline["check_ins"], timeline["evaluations"]]))

    def test_topics_of_nine_months(self, program: Program, timeline: dict[str, Any]) -> None:
        topics = timeline["topics"]
        (question,) = (question for question in program.evaluation if question.id == "useful_topics")
        assert [topic["month"] for topic in topics] == [f"2027-{month:02d}" for month in range(3, 12)]
        assert [topic["title"] for topic in topics] == question.choices
        assert all(len(topic["prompts"]) == 3 and len(topic["links"]) in (1, 2) for topic in topics)
        first = " ".join(topics[0]["prompts"])
        assert all(
            word in first for word in ("interested", "hope for", "webinars", "conferences", "committees")
        )

    def test_three_quarters_answer_the_evaluation(self, program: Program, timeline: dict[str, Any]) -> None:
        people = list_people(timeline["evaluations"])
        taking_part = sum(len(list_acceptable(program, role, date(2027, 12, 31))) for role in ROLES)
        assert len(set(people)) == len(people)
        assert 0.7 <= len(people) / taking_part <= 0.8
        assert min(Counter(role for role, _ in people).values()) >= 15

    def test_evaluations_are_complete_and_as_the_form_writes_them(
        self, program: Program, timeline: dict[str, Any]
    ) -> None:
        fields = set(program.forms["evaluation"].fields) - {"submitted_at", "token"}
        for row in timeline["evaluations"]:
            answers = row["answers"]
            assert set(answers) == fields
            assert all(isinstance(answer, str) for answer in answers.values())
            assert "2027-11-15" < row["submitted_at"] < "2027-12-11"
            for question in program.evaluation:
                answer = answers[question.id]
                if question.kind == "scale":
                    assert answer in {"1", "2", "3", "4", "5"}
                elif question.kind == "choice":
                    assert answer in question.choices
                elif question.kind == "multiple":
                    assert set(answer.split(", ")) <= set(question.choices)
                else:
                    assert answer

    def test_evaluations_are_not_all_praise_and_not_all_to_be_quoted(self, timeline: dict[str, Any]) -> None:
        answers = [row["answers"] for row in timeline["evaluations"]]
        assert Counter(answer["quote_consent"] for answer in answers).keys() == set(QUOTE_ANSWERS)
        assert {answer["would_recommend"] for answer in answers} == {"Yes", "Perhaps", "No"}
        assert {int(answer["satisfaction"]) for answer in answers} == {2, 3, 4, 5}


@pytest.mark.parametrize("file", sorted(path.name for path in SAMPLE.iterdir() if path.is_file()))
def test_no_address_outside_the_domains_for_examples(file: str) -> None:
    text = (SAMPLE / file).read_text("utf-8")
    hosts = re.findall(r"@([^\s@,;\"'<>]+\.[^\s@,;\"'<>]+)", text) + re.findall(
        r"https?://([^/\s\"'<>?]+)", text
    )
    assert hosts
    assert [host for host in hosts if not MADE_UP_HOST.fullmatch(host)] == []
