"""Confirmations: nobody is matched who has not shown that the address is theirs, where the program asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cohorts import (
    World,
    application,
    at,
    decide,
    fault,
    form,
    load_program,
    make_cohort,
    mentee,
    mentor,
    only,
    pair,
    queue,
    respond,
    with_messages,
    withdrawal,
)

from mentoring.answers import FormAnswers
from mentoring.changes import AddConfirmation, AddUnplacedResponse, ApproveMatch, Plan
from mentoring.cohort import Cohort, Confirmation
from mentoring.desk_rows import list_application_rows
from mentoring.digest import plan_digest
from mentoring.form_fields import list_fields
from mentoring.form_headings import find_columns
from mentoring.handover import list_waiting
from mentoring.intake import plan_intake
from mentoring.introductions import plan_introductions
from mentoring.program import Program
from mentoring.proposals import plan_match_decisions
from mentoring.responses import Response, read_responses

NOW = at("2027-01-25")
ADA, BEN = "ada@example.org", "ben@example.org"
MENTEE = "2027-mentee-001"
LINK = "https://forms.example.org/confirm?code={token}"


def by_link() -> Program:
    sample = load_program()
    form_ = {
        "tab": "Confirmations",
        "fields": {"submitted_at": "Timestamp", "email": "E-mail", "token": "Code"},
    }
    return Program.model_validate(
        sample.model_dump()
        | {
            "confirmation": "link",
            "links": sample.links.model_dump() | {"confirmation_form": LINK},
            "forms": sample.model_dump()["forms"] | {"confirmation": form_},
        }
    )


def by_sign_in() -> Program:
    data = load_program().model_dump()
    for role in ("mentor", "mentee"):
        data["forms"][role]["fields"]["verified_email"] = "Signed in as"
    return Program.model_validate(data | {"confirmation": "verified_address"})


def take_in(world: World, *forms: FormAnswers, when: str = "2027-01-25") -> Plan:
    """Run intake, and once more to see that a retried run changes nothing and sends nothing twice."""
    now = at(when)
    plan = world.apply(plan_intake(world.cohort, forms, now), now)
    again = plan_intake(world.cohort, forms, now + timedelta(minutes=5))
    assert (again.changes, again.messages) == ((), ())
    return plan


def apply(row: int, when: str = "2027-01-20", email: str = ADA, **answers: str) -> Response:
    return application("mentee", row, when, email, **answers)


def confirm(code: str, row: int = 2, when: str = "2027-01-22", email: str = "") -> Response:
    return respond("confirmation", row, when, token=code, email=email)


def letters(plan: Plan) -> list[str]:
    return [draft.kind for draft in plan.messages]


def code_of(world: World, subject: str = MENTEE, period: str = "first") -> str:
    [found] = [
        item.message_id
        for item in world.cohort.messages
        if (item.kind, item.subject_id, item.period) == ("please_confirm", subject, period)
    ]
    return found


def told(plan: Plan) -> list[str]:
    return [change.problem for change in only(plan.changes, AddUnplacedResponse)]


def is_confirmed(world: World, key: str = MENTEE) -> bool:
    """Whether it can be matched."""
    return key in {item.application_id for item in world.cohort.list_accepted("mentee")}


@pytest.fixture
def world() -> World:
    """Ada has applied and has a code."""
    world = World(make_cohort(program=by_link()))
    plan = take_in(world, form("mentee", apply(2)))
    assert letters(plan) == ["please_confirm"]
    assert plan.messages[0].context["link"] == LINK
    return world


def test_without_the_setting_nothing_is_asked() -> None:
    world = World(make_cohort())
    plan = take_in(world, form("mentee", apply(2)))
    assert letters(plan) == ["acknowledgement"]
    assert is_confirmed(world)
    assert "confirmed" not in plan.counts
    assert "verified_email" not in list_fields(world.cohort.program, "mentee")


def test_a_code_confirms_its_application_once(world: World) -> None:
    assert not is_confirmed(world)
    assert world.cohort.applications[MENTEE].state == "accepted"
    first = confirm(code_of(world).upper() + " ", 2)
    plan = take_in(world, form("confirmation", first), form("mentee", apply(2)))
    assert plan.counts["confirmed"] == 1
    assert plan.waiting == ()
    assert is_confirmed(world)
    second = confirm(code_of(world), 3, "2027-01-23")
    plan = take_in(world, form("confirmation", first, second), form("mentee", apply(2)))
    assert told(plan) == ["The code was used before and counts once; nothing was changed."]
    assert plan.waiting == (f"Confirmations, row 3: {told(plan)[0]}",)
    assert is_confirmed(world)


def test_a_wrong_code_is_told_and_stops_no_other_row(world: World) -> None:
    world.apply(plan_intake(world.cohort, [form("mentee", apply(2), apply(3, email=BEN))], NOW), NOW)
    check_in = queue(world.cohort, "waiting_list", MENTEE, "first", MENTEE)
    world.cohort = with_messages(world.cohort, check_in)
    rows = [
        confirm("0" * 32, 2),
        confirm(code_of(world)[:-1], 3),
        confirm(check_in.message_id, 4),
        confirm("two words", 5),
        confirm(code_of(world), 6),
    ]
    faults = {5: [fault(5, "Code", "The code was changed.")]}
    plan = take_in(
        world, form("confirmation", *rows, faults=faults), form("mentee", apply(2), apply(3, email=BEN))
    )
    unknown = "The code is not one of ours; ask the sender to use the link in the latest mail about the application."
    assert told(plan) == [
        unknown,
        unknown,
        "The code is from a mail about something else and confirms no application; ask the sender to use the link in "
        "the latest mail about the application.",
        "Row 5, “Code”: The code was changed.",
    ]
    assert is_confirmed(world)
    assert not is_confirmed(world, "2027-mentee-002")


def test_a_code_in_another_persons_hands_confirms_nothing_and_stays_good(world: World) -> None:
    stolen = confirm(code_of(world), 2, email="Mallory@example.org")
    plan = take_in(world, form("confirmation", stolen), form("mentee", apply(2)))
    assert told(plan)[0].startswith(
        "The sender's address is not that of the application which the code belongs"
    )
    assert not is_confirmed(world)
    own = confirm(code_of(world), 3, email="ADA@example.org")
    take_in(world, form("confirmation", stolen, own), form("mentee", apply(2)))
    assert is_confirmed(world)


def test_a_form_that_cant_be_read_stops_no_application() -> None:
    world = World(make_cohort(program=by_link()))
    broken = FormAnswers("confirmation", problems=["The tab “Confirmations” is missing."])
    plan = take_in(world, broken, form("mentee", apply(2)))
    assert plan.waiting == ("The tab “Confirmations” is missing.",)
    assert world.cohort.applications[MENTEE].state == "accepted"


def test_an_edited_response_stays_confirmed(world: World) -> None:
    done = confirm(code_of(world))
    take_in(world, form("confirmation", done), form("mentee", apply(2)))
    edited = apply(2, "2027-01-24", goals_text="Something else.")
    plan = take_in(world, form("confirmation", done), form("mentee", edited))
    assert letters(plan) == []
    assert world.cohort.applications[MENTEE].answers["goals_text"] == "Something else."
    assert is_confirmed(world)


def test_an_edited_response_with_another_address_is_another_application(world: World) -> None:
    done = confirm(code_of(world))
    take_in(world, form("confirmation", done), form("mentee", apply(2)))
    plan = take_in(
        world, form("confirmation", done), form("mentee", apply(2, "2027-01-24", email="eve@example.org"))
    )
    assert letters(plan) == ["please_confirm"]
    assert world.cohort.applications[MENTEE].state == "withdrawn"
    assert not is_confirmed(world, "2027-mentee-002")


@pytest.mark.parametrize("was_confirmed", [True, False])
def test_a_further_response_in_somebodys_name_has_to_be_confirmed_itself(
    world: World, was_confirmed: bool
) -> None:
    """Anybody can type Ada's address once more; the code of the first mail must not vouch for it."""
    old = confirm(code_of(world))
    own = [form("confirmation", old)] if was_confirmed else []
    take_in(world, *own, form("mentee", apply(2)))
    assert is_confirmed(world) is was_confirmed
    both = form("mentee", apply(2), apply(3, "2027-01-23", goals_text="To sell you something."))
    plan = take_in(world, *own, both)
    assert letters(plan) == ["please_confirm"]
    assert not is_confirmed(world)
    late = confirm(code_of(world), 7, "2027-01-24")
    plan = take_in(world, form("confirmation", old, late), both)
    assert not is_confirmed(world)
    assert told(plan)
    take_in(world, form("confirmation", old, late, confirm(code_of(world, period="2"), 8)), both)
    assert is_confirmed(world)


def test_a_code_counts_for_no_application_that_waits_for_a_correction_or_is_withdrawn(world: World) -> None:
    faulty = apply(2, "2027-01-21", years_experience="many")
    wrong = form("mentee", faulty, faults={2: [fault(2)]})
    take_in(world, wrong)
    early = confirm(code_of(world), 2)
    plan = take_in(world, form("confirmation", early), wrong)
    assert told(plan)[0].startswith("The application waits for a correction")
    mended = apply(2, "2027-01-23")
    plan = take_in(world, form("confirmation", early), form("mentee", mended))
    assert letters(plan) == ["please_confirm"]
    old, new = confirm(code_of(world), 3, "2027-01-23"), confirm(code_of(world, period="3"), 4)
    plan = take_in(world, form("confirmation", early, old), form("mentee", mended))
    assert told(plan)[0].startswith("A later mail about the application has replaced this code")
    gone = form("mentee", withdrawal("mentee", 2, "2027-01-24", ADA))
    take_in(world, form("confirmation", early, old), gone)
    plan = take_in(world, form("confirmation", early, old, new), gone)
    assert told(plan) == ["The code belongs to an application that was withdrawn; nothing was confirmed."]


def test_codes_of_another_year_are_left_to_it(world: World) -> None:
    plan = take_in(
        world, form("confirmation", confirm("0" * 32, when="2026-02-01")), form("mentee", apply(2))
    )
    assert (plan.changes, plan.waiting) == ((), ())


def test_what_an_erasure_forgot_is_not_told_again(world: World) -> None:
    gone = confirm(code_of(world))
    world.cohort = replace(world.cohort, forgotten=frozenset({gone.key}))
    plan = take_in(world, form("confirmation", gone), form("mentee", apply(2)))
    assert (plan.changes, plan.waiting) == ((), ())


def test_who_was_accepted_before_the_program_began_to_ask_is_asked_once() -> None:
    sides = [mentee(1), mentee(2), mentor(2), mentee(3, "withdrawn"), mentee(4, revision=3)]
    world = World(make_cohort(sides, [pair(2, 2)], program=by_link()))
    plan = take_in(world)
    # The mentor 2 and the mentee 2 are mentoring already, and are left in peace.
    assert [(draft.kind, draft.subject_id, draft.period) for draft in plan.messages] == [
        ("please_confirm", MENTEE, "first"),
        ("please_confirm", "2027-mentee-004", "3"),
    ]
    after_the_year = plan_intake(world.cohort, [], at("2028-02-01"))
    assert after_the_year.messages == ()


# By signing in


def test_a_verified_address_confirms_on_arrival() -> None:
    world = World(make_cohort(program=by_sign_in()))
    plan = take_in(world, form("mentee", apply(2, verified_email="Ada@Example.org")))
    assert letters(plan) == ["acknowledgement"]
    [change] = only(plan.changes, AddConfirmation)
    assert (change.means, change.code) == ("verified_address", None)
    assert is_confirmed(world)


@pytest.mark.parametrize(
    ("verified", "words"),
    [
        ("mallory@example.org", "The form was sent while signed in as mallory@example.org, not with"),
        ("", "The form tells no sign-in, not with"),
    ],
)
def test_another_address_is_shown_to_the_committee(verified: str, words: str) -> None:
    world = World(make_cohort(program=by_sign_in()))
    plan = take_in(world, form("mentee", apply(2, verified_email=verified)))
    assert letters(plan) == ["please_confirm"]
    assert plan.messages[0].context["link"] == ""
    assert not is_confirmed(world)
    [row] = list_application_rows(world.cohort)
    assert row["Status"] == "Not confirmed"
    assert str(row["What to fix"]).startswith(words)
    again = form("mentee", apply(2, verified_email=verified), apply(3, "2027-01-22", verified_email=ADA))
    take_in(world, again)
    assert is_confirmed(world)


def test_a_further_response_with_another_sign_in_takes_the_confirmation_away() -> None:
    world = World(make_cohort(program=by_sign_in()))
    own = apply(2, verified_email=ADA)
    take_in(world, form("mentee", own))
    foreign = apply(3, "2027-01-22", verified_email="mallory@example.org")
    plan = take_in(world, form("mentee", own, foreign))
    assert letters(plan) == ["please_confirm"]
    assert not is_confirmed(world)


def test_sign_ins_of_applications_from_before_count_as_well() -> None:
    world = World(make_cohort([mentee(1, email=ADA, response_key="old")], program=by_sign_in()))
    known = replace(apply(2, verified_email=ADA), key="old")
    assert not is_confirmed(world)
    take_in(world, form("mentee", known))
    assert is_confirmed(world)


def test_the_column_of_the_sign_in_makes_no_old_response_new() -> None:
    """Else everybody would be looked at anew, and the erased would come back, on the day on which it is named."""
    from mentoring.desk import SheetRow, SheetTab

    plain, asking = load_program(), by_sign_in()
    columns = find_columns(asking, "mentee", SheetTab("", ()))
    assert columns.problems
    questions = list(
        dict.fromkeys(
            text
            for entry in asking.forms["mentee"].fields.values()
            for text in (entry if isinstance(entry, list) else [entry])
            if isinstance(text, str)
        )
    )
    cells = {
        "Timestamp": "2027-01-20 10:00:00",
        "Email Address": ADA,
        "Signed in as": ADA,
        "Your name": "Ada",
    }
    tab = SheetTab(
        "Mentee applications",
        tuple(questions),
        (SheetRow(2, tuple(cells.get(question, "") for question in questions)),),
    )
    [before], [after] = read_responses(plain, "mentee", tab), read_responses(asking, "mentee", tab)
    assert before.key == after.key
    assert (before.is_verified, after.is_verified) == (False, True)


# What follows


def confirmed(key: str, person_id: str, **changes: bool) -> Confirmation:
    return Confirmation(
        f"c-{key}", key, person_id, "link", f"code-{key}", is_revoked=changes.get("revoked", False)
    )


def two(state: str, **parts: object) -> Cohort:
    """A mentor who has confirmed and a mentee who has not, in a match."""
    mine = (confirmed("2027-mentor-001", "person-mentor-1"), *parts.pop("confirmations", ()))  # type: ignore[misc]
    return make_cohort(
        [mentor(1), mentee(1)], [pair(1, 1, state)], program=by_link(), confirmations=mine, **parts
    )


def test_no_proposal_with_somebody_unconfirmed_is_approved_or_introduced() -> None:
    changes, remarks = plan_match_decisions(two("proposed"), [decide("2027-match-001", "Approve")])
    assert changes == []
    assert remarks["2027-match-001"].startswith("One of the two has not confirmed the application")
    assert plan_introductions(two("approved"), [], [], at("2027-03-02")).counts["introduced"] == 0
    whole = (confirmed(MENTEE, "person-mentee-1"),)
    changes, _ = plan_match_decisions(
        two("proposed", confirmations=whole), [decide("2027-match-001", "Approve")]
    )
    assert [type(change) for change in changes] == [ApproveMatch]
    now = at("2027-03-02")
    assert plan_introductions(two("approved", confirmations=whole), [], [], now).counts["introduced"] == 1


@pytest.mark.parametrize(
    "confirmation",
    [confirmed(MENTEE, "person-mentee-1", revoked=True), confirmed(MENTEE, "person-mentee-9")],
    ids=["revoked", "somebody else's"],
)
def test_what_is_no_confirmation(confirmation: Confirmation) -> None:
    cohort = two("proposed", confirmations=(confirmation,))
    assert [item.application_id for item in cohort.list_accepted("mentee")] == []
    assert [item.application_id for item in cohort.list_accepted("mentor")] == ["2027-mentor-001"]


def test_the_committee_is_told_in_words_everywhere() -> None:
    cohort = two("proposed")
    rows = {row["Reference"]: row for row in list_application_rows(cohort)}
    assert rows["2027-mentor-001"]["Status"] == "Accepted"
    assert rows[MENTEE]["Status"] == "Not confirmed"
    assert rows[MENTEE]["What to fix"] == (
        "The link in our mail was not used yet; nobody is matched before that. Whoever can't find the mail fills in the "
        "form again and gets a new one."
    )
    waiting = [sentence for _, sentence in list_waiting(cohort, at("2027-02-15").date())]
    assert "Accepted applications that wait for the applicant's confirmation: 1." in waiting
    [digest] = plan_digest(cohort, [], at("2027-02-22 10:00")).messages
    assert "applicants who have not confirmed their application: 1" in digest.context["others"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"links": {}}, "links → confirmation_form must have {token}"),
        ({"links": {"confirmation_form": "https://forms.example.org/confirm"}}, "must have {token}"),
        ({"forms": {}}, "forms → confirmation is missing"),
    ],
)
def test_a_link_needs_a_form_that_takes_its_code(changes: dict[str, dict[str, str]], words: str) -> None:
    sample, data = load_program().model_dump(), by_link().model_dump()
    data |= {name: sample[name] | change for name, change in changes.items()}
    with pytest.raises(ValueError, match="Value error") as refused:
        Program.model_validate(data)
    assert words in str(refused.value)


def test_a_verified_address_needs_its_column() -> None:
    with pytest.raises(ValueError, match="must say which column is the verified_email"):
        Program.model_validate(load_program().model_dump() | {"confirmation": "verified_address"})
