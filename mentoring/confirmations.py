"""Confirmations: whoever applies shows that the address is theirs, before anybody is matched with them.

Only where the program asks for it. By a link: the mail that acknowledges an application carries a code, and the form
behind the link brings it back; it counts once, for the latest mail about that application, and for nothing else. By a
verified address: the form's own sign-in collected the address that the applicant gave. Belongs here: which code or
address confirms which application, and who is still to be asked. Does not belong here: who is matched
(`mentoring.rosters`), the letters (`mentoring.acknowledgements`).
"""

from __future__ import annotations

from collections.abc import Mapping

from mentoring.acknowledgements import write_to_applicant
from mentoring.addresses import normalise_address
from mentoring.answers import FormAnswers
from mentoring.applicants import list_own
from mentoring.application_changes import Intake
from mentoring.calendar import local_day
from mentoring.changes import AddConfirmation, AddUnplacedResponse, SettleApplication
from mentoring.cohort import Application, Cohort, QueuedMessage
from mentoring.form_fields import VERIFIED, FormName, list_forms
from mentoring.program import Program
from mentoring.responses import Response

KIND = "please_confirm"
_LATEST_MAIL = "ask the sender to use the link in the latest mail about the application."


def list_intake_forms(program: Program) -> tuple[FormName, ...]:
    """The forms that intake reads."""
    return tuple(form for form in list_forms(program) if form in ("mentor", "mentee", "confirmation"))


def take_confirmations(intake: Intake, form: FormAnswers) -> None:
    """Take in new responses of the confirmation form; what confirms nothing is told to the committee, once."""
    cohort = intake.cohort
    intake.waiting.extend(form.problems)
    known = {*cohort.unplaced, *cohort.forgotten, *(item.response_key for item in cohort.confirmations)}
    used = {item.code for item in cohort.confirmations}
    letters = _list_latest_letters(cohort)
    for response in list_own(cohort, form.responses):
        if response.key in known:
            continue
        known.add(response.key)
        code = response.answers.get("token", "").strip().casefold()
        found = form.describe_faults(response) or _find_application(cohort, letters, used, code, response)
        if isinstance(found, str):
            intake.changes.append(AddUnplacedResponse(response.key, "confirmation", response.row, found))
            intake.waiting.append(f"Confirmations, row {response.row}: {found}")
            continue
        used.add(code)
        person_id = cohort.person_of(found.application_id)
        intake.confirmed[found.application_id] = person_id
        intake.changes.append(AddConfirmation(found.application_id, person_id, response.key, "link", code))


def _list_latest_letters(cohort: Cohort) -> Mapping[tuple[str, str], QueuedMessage]:
    """The latest letter with a code by application and person; one that was sent once more carries the same code."""
    letters = [item for item in cohort.messages if item.kind == KIND and not item.reissue]
    return {(item.subject_id, item.recipient_id): item for item in sorted(letters, key=_number)}


def _number(letter: QueuedMessage) -> int:
    return 1 if letter.period == "first" else int(letter.period)


def _find_application(
    cohort: Cohort,
    letters: Mapping[tuple[str, str], QueuedMessage],
    used: set[str | None],
    code: str,
    response: Response,
) -> Application | str:
    """The application that this code confirms, or a sentence on why it confirms none."""
    letter = cohort.messages_by_id.get(code)
    if letter is None:
        return f"The code is not one of ours; {_LATEST_MAIL}"
    application = cohort.applications.get(letter.subject_id)
    if letter.kind != KIND or application is None:
        return f"The code is from a mail about something else and confirms no application; {_LATEST_MAIL}"
    if code in used:
        return "The code was used before and counts once; nothing was changed."
    if response.email and response.address != normalise_address(application.email):
        return (
            "The sender's address is not that of the application which the code belongs to; nothing was confirmed. "
            "Ask the sender to use the link in a mail to that very address."
        )
    if application.state == "withdrawn":
        return "The code belongs to an application that was withdrawn; nothing was confirmed."
    if application.state != "accepted":
        return "The application waits for a correction; its mail after that brings a new code, which confirms it."
    if letters.get((application.application_id, application.person_id or "")) != letter:
        return f"A later mail about the application has replaced this code; {_LATEST_MAIL}"
    return application


def ask_the_unasked(intake: Intake) -> None:
    """Write to everybody who was accepted before the program began to ask for confirmations."""
    cohort, now = intake.cohort, intake.now
    if local_day(now, cohort.program.zone) > cohort.settings.ends:
        return
    asked = {(item.subject_id, item.recipient_id) for item in cohort.messages if item.kind == KIND}
    decided = {change.application_id for change in intake.changes if isinstance(change, SettleApplication)}
    busy = {key for match in cohort.list_matches("active") for key in match.pair}
    for key, item in sorted(cohort.applications.items()):
        person_id = item.person_id or ""
        if (
            key in decided | busy
            or (key, person_id) in asked
            or key in intake.confirmed
            or not cohort.waits_for_confirmation(item)
        ):
            continue
        period = "first" if item.revision == 1 else str(item.revision)
        facts = (cohort, "accepted", key, item.role, item.time_zone, ())
        intake.drafts.append(
            write_to_applicant(
                *facts,
                person_id=person_id,
                period=period,
                is_late=item.is_late,
                now=now,
                asks_to_confirm=True,
            )
        )


def describe_wait(cohort: Cohort, application: Application) -> str:
    """Why an application waits for its confirmation, and what helps, for the committee."""
    if cohort.program.confirmation == "link":
        return (
            "The link in our mail was not used yet; nobody is matched before that. Whoever can't find the mail fills "
            "in the form again and gets a new one."
        )
    verified = application.answers.get(VERIFIED, "")
    found = f"The form was sent while signed in as {verified}" if verified else "The form tells no sign-in"
    return (
        f"{found}, not with the address given; nobody is matched before that. Ask which one is right, and for the "
        "form once more, signed in with it."
    )


def count_waiting(cohort: Cohort) -> int:
    """How many accepted applications wait for their confirmation."""
    return sum(map(cohort.waits_for_confirmation, cohort.applications.values()))
