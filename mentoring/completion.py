"""The end of the year: evaluation invitations and reminders, taking in answers, completing matches, thanks.

Belongs here: who is asked about which match and when. Does not belong here: what the answers add up to
(`mentoring.evaluation`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mentoring.answers import FormAnswers
from mentoring.calendar import (
    end_of_day,
    format_period,
    list_topic_days,
    local_day,
    name_day,
    next_daytime,
    start_of_day,
)
from mentoring.changes import AddUnplacedResponse, Change, EndMatch, Plan, PutEvaluation
from mentoring.check_ins import find_sender
from mentoring.cohort import Cohort, Draft, Match
from mentoring.evaluation import Answer, EvaluationSummary, Participant, summarise_evaluation
from mentoring.pair_standing import count_contact
from mentoring.pauses import end_match

#: Days before the due day on which those who have not answered are reminded.
REMINDERS = (10, 3)
_WORTH = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """What a certificate of participation says; `period` are the days of the mentoring year in words."""

    name: str
    role: str
    program: str
    association: str
    year: str
    period: str
    given_on: str


#: Whether a certificate can be written: every character of it can be shown, and it fits.
CertificateCheck = Callable[[Certificate], bool]


def list_asked(cohort: Cohort) -> list[tuple[Match, str]]:
    """(match, application) of everybody who is asked for an evaluation, by match and then mentor first.

    Everybody evaluates the matches that lasted; somebody whose only match ended early evaluates the last one.
    Who left the program is not asked. Who pauses is: they are asked about the time they had, and an evaluation that
    left them out would hide those for whom the year was hardest.
    """
    by_person: dict[str, list[Match]] = defaultdict(list)
    for match in cohort.list_matches("active", "ended"):
        for key in match.pair:
            by_person[key].append(match)
    asked: list[tuple[Match, str]] = []
    for key, matches in by_person.items():
        lasting = [match for match in matches if match.state == "active" or match.reason == "completed"]
        if cohort.applications[key].state != "withdrawn":
            asked.extend((match, key) for match in lasting or matches[-1:])
    return sorted(asked, key=lambda pair: (pair[0].match_id, pair[1] == pair[0].mentee_application_id))


def list_silent(cohort: Cohort) -> list[tuple[Match, str]]:
    """Those of `list_asked` who have not answered yet."""
    answered = {(item.match_id, item.application_id) for item in cohort.evaluations}
    return [(match, key) for match, key in list_asked(cohort) if (match.match_id, key) not in answered]


def plan_completion(
    cohort: Cohort, answers: FormAnswers, now: datetime, can_certify: CertificateCheck | None = None
) -> Plan:
    """Take in evaluations, invite and remind who has not answered, complete matches after the last day.

    The thanks carry a certificate where `can_certify` says that it can be written; elsewhere, and without it, they
    offer one on request.
    """
    changes = _take_in(cohort, answers, now)
    answered = {(item.match_id, item.application_id) for item in cohort.evaluations} | {
        (item.match_id, item.application_id) for item in changes if isinstance(item, PutEvaluation)
    }
    drafts = [draft for match, key in list_asked(cohort) for draft in _ask(cohort, match, key, answered, now)]
    ending = _complete(cohort, now)
    completed = [change.match_id for change in ending if isinstance(change, EndMatch)]
    thanks = list(_thank(cohort, completed, now, can_certify))
    drafts.extend(thanks)
    unplaced = [item for item in changes if isinstance(item, AddUnplacedResponse)]
    waiting = (
        *answers.problems,
        *(f"Evaluations, row {item.sheet_row}: {item.problem}" for item in unplaced),
        *_list_unwritable(thanks if can_certify else ()),
    )
    plan = Plan((*changes, *ending), tuple(drafts), waiting=waiting).drop_known(cohort.queued_keys)
    sent = Counter(draft.kind for draft in plan.messages)
    counts = {
        "evaluations received": len(changes) - len(unplaced),
        "invitations": sent["evaluation_invitation"],
        "reminders": sent["evaluation_reminder"],
        "matches completed": len(completed),
        "thanks": sent["thanks"],
    }
    return Plan(plan.changes, plan.messages, counts=counts, waiting=waiting)


def _take_in(cohort: Cohort, answers: FormAnswers, now: datetime) -> list[Change]:
    """The latest answer of everybody to each match; one without a readable time never replaces another."""
    latest = {(item.match_id, item.application_id): item.answered_at for item in cohort.evaluations}
    known = {item.response_key for item in cohort.evaluations} | set(cohort.unplaced) | cohort.forgotten
    changes: dict[tuple[str, str], Change] = {}
    for response in sorted(answers.responses, key=lambda item: (item.submitted_at or now, item.row)):
        moment = (response.submitted_at or now).astimezone(UTC)
        if response.key in known or moment < start_of_day(cohort.settings.starts, cohort.program.zone):
            continue
        found = find_sender(cohort, response.answers.get("token", ""))
        problem = answers.describe_faults(response)
        if found is None:
            problem = "The reference is not one of ours; ask the sender to use the link in the invitation."
        if found is None or problem:
            unplaced = AddUnplacedResponse(response.key, "evaluation", response.row, problem)
            changes[("unplaced", response.key)] = unplaced
            continue
        place = (found[0].match_id, found[1])
        if place not in latest or (response.submitted_at and moment > latest[place]):
            latest[place] = moment
            text = json.dumps(dict(response.answers), ensure_ascii=False, sort_keys=True)
            answered_at = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            changes[place] = PutEvaluation(*place, response.key, answered_at, text)
    return list(changes.values())


def _ask(
    cohort: Cohort, match: Match, key: str, answered: set[tuple[str, str]], now: datetime
) -> Iterator[Draft]:
    """An invitation, later a reminder, to somebody who has not answered while the evaluation is open."""
    settings, zone = cohort.settings, cohort.program.zone
    deadline = end_of_day(settings.evaluation_due, zone)
    not_before = next_daytime(now, cohort.zone_of(key), cohort.program.sending_hours)
    is_open = start_of_day(settings.evaluation_opens, zone) <= now and not_before < deadline
    partner = match.find_partner(key)
    is_reachable = cohort.applications[key].email and cohort.applications[partner].email
    if not is_open or not is_reachable or (match.match_id, key) in answered:
        return
    context = {
        "link": cohort.program.links.evaluation_form,
        "due_on": name_day(settings.evaluation_due),
        "partner": {"name": cohort.name_of(partner)},
    }
    to = cohort.person_of(key)
    invitation = Draft("evaluation_invitation", match.match_id, "1", to, context, not_before, deadline)
    invited = [message.queued_at for message in cohort.messages if message.key == invitation.key]
    if not invited:
        yield invitation
        return
    # Nobody is reminded of an invitation that came after the reminder's day.
    days = {number: _reminder_day(cohort, before) for number, before in enumerate(REMINDERS, 1)}
    due = [number for number, day in days.items() if min(invited) < day <= now]
    if due:
        # After downtime only the latest reminder: two on one day would be a nuisance.
        period, facts = str(due[-1]), context | {"number": due[-1]}
        yield Draft("evaluation_reminder", match.match_id, period, to, facts, not_before, deadline)


def _reminder_day(cohort: Cohort, days: int) -> datetime:
    return start_of_day(cohort.settings.evaluation_due - timedelta(days=days), cohort.program.zone)


def _complete(cohort: Cohort, now: datetime) -> list[Change]:
    if now < end_of_day(cohort.settings.ends, cohort.program.zone):
        return []
    return [
        change for match in cohort.list_matches("active") for change in end_match(cohort, match, "completed")
    ]


def _thank(
    cohort: Cohort, completed: Sequence[str], now: datetime, can_certify: CertificateCheck | None
) -> Iterator[Draft]:
    partners: dict[str, list[str]] = defaultdict(list)
    for match_id in completed:
        match = cohort.matches[match_id]
        for key in match.pair:
            partner = cohort.applications[match.find_partner(key)]
            partners[key] += [partner.name] if partner.name else []
    reachable = {key: names for key, names in partners.items() if cohort.applications[key].email}
    for key, names in sorted(reachable.items()):
        not_before = next_daytime(now, cohort.zone_of(key), cohort.program.sending_hours)
        has_certificate = can_certify is not None and can_certify(describe_certificate(cohort, key))
        context = {
            "partners": names,
            "year": str(cohort.settings.ends.year),
            "certificate": has_certificate,
        }
        yield Draft("thanks", key, "end", cohort.person_of(key), context, not_before, not_before + _WORTH)


def describe_certificate(cohort: Cohort, application_id: str) -> Certificate:
    """What somebody's certificate says."""
    application, settings, program = cohort.applications[application_id], cohort.settings, cohort.program
    return Certificate(
        name=application.name,
        role=application.role,
        program=program.name,
        association=program.association,
        year=str(settings.ends.year),
        period=f"{name_day(settings.starts)} to {name_day(settings.ends)}",
        given_on=name_day(settings.ends),
    )


def _list_unwritable(thanks: Sequence[Draft]) -> list[str]:
    without = [draft.subject_id for draft in thanks if not draft.context["certificate"]]
    if not without:
        return []
    return [
        f"Certificates that the fonts of this machine can't write, to be sent by hand on request: {len(without)} "
        f"({', '.join(without)})."
    ]


def summarise_year(cohort: Cohort, topics: Mapping[str, str]) -> EvaluationSummary:
    """The evaluation's figures and the year's. `topics` maps periods to titles."""
    answers = [
        Answer(
            item.application_id, cohort.applications[item.application_id].role, item.match_id, item.answers
        )
        for item in cohort.evaluations
    ]
    have_answered = {(answer.match_id, answer.participant_id) for answer in answers}
    participants = [
        Participant(
            key, cohort.applications[key].role, match.match_id, (match.match_id, key) in have_answered
        )
        for match, key in list_asked(cohort)
    ]
    settings = cohort.settings
    days = list_topic_days(settings.starts, settings.ends, settings.topics_day)
    months = [(period, topics[period]) for day in days if (period := format_period(day)) in topics]
    names = [application.name for application in cohort.applications.values() if application.name]
    return summarise_evaluation(
        participants, answers, cohort.program.evaluation, months, count_year(cohort, days), names=names
    )


def count_year(cohort: Cohort, days: Sequence[date]) -> dict[str, int]:
    """Counts of the whole year, for the report."""
    from mentoring.states import LIVE_MATCH_STATES

    applications = [item for item in cohort.applications.values() if item.state != "duplicate"]
    introduced = [match for match in cohort.matches.values() if match.introduced_at]
    ended = Counter(match.reason for match in introduced if match.state == "ended")
    busy = {
        key for match in cohort.matches.values() if match.state in LIVE_MATCH_STATES for key in match.pair
    }
    met = {key for match in introduced for key in match.pair}
    busy |= met
    # A topic that a pause had cancelled is sent under its month with a number behind it.
    sent = Counter(m.period[:7] for m in cohort.messages if m.kind == "monthly_topic" and m.state == "sent")
    # The topic of the month in which two people meet travels in their introduction.
    sent.update(
        format_period(local_day(match.introduced_at, cohort.program.zone))
        for match in introduced
        if match.introduced_at
    )
    settled = {
        key
        for match in introduced
        if match.state == "active" or match.reason == "completed"
        for key in match.pair
    }
    counts = {
        "introduced": len(introduced),
        "rematches": sum(match.is_rematch for match in introduced),
        "ended.completed": ended["completed"],
        "ended.withdrawn": ended["withdrawn"],
        "ended.not_working_out": ended["not_working_out"],
        "active": len(cohort.list_matches("active")),
        **{f"contact.{known}": number for known, number in count_contact(cohort).items()},
    }
    for role in ("mentor", "mentee"):
        mine = [item for item in applications if item.role == role]
        counts[f"applications.{role}"] = len(mine)
        counts[f"matched.{role}"] = sum(item.application_id in met for item in mine)
        # Somebody who left during the year had been accepted all the same.
        counts[f"accepted.{role}"] = sum(
            item.state == "accepted" or item.application_id in busy for item in mine
        )
        waiting = [item for item in mine if item.state == "accepted" and item.application_id not in settled]
        counts[f"waiting.{role}"] = len(waiting)
    return counts | {f"topics_sent.{format_period(day)}": sent[format_period(day)] for day in days}
