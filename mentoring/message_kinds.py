"""The registry of messages: what each kind is called, who gets it and when, and which facts it needs.

Belongs here: the kinds as data. Does not belong here: rendering (`mentoring.messages`) and the words
(`mentoring/templates`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_COMMON = (
    "program.name",
    "program.association",
    "program.committee_address",
    "program.links.code_of_conduct",
    "program.links.guidelines",
    "program.links.opportunities",
    "recipient.name",
)
#: The only fact that may be None: an association need not have a page for it.
OPTIONAL_FACTS = frozenset({"program.links.opportunities"})


@dataclass(frozen=True)
class MessageKind:
    """One kind of message.

    `label` is what the committee reads, `audience` who gets it and `moment` when, both as words for the
    documentation. `facts` are the paths that the context must hold beside the common ones: "a.b" is b of a,
    "a[].b" is b of each a.
    """

    name: str
    label: str
    audience: str
    moment: str
    facts: tuple[str, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Every path that the context must hold."""
        return _COMMON + self.facts


def _list_person(key: str) -> tuple[str, ...]:
    return tuple(
        f"{key}.{part}" for part in ("name", "pronouns", "email", "phone", "institution", "time_zone")
    )


_TOPIC = ("month", "topic.title", "topic.prompts", "topic.links")

KINDS: Mapping[str, MessageKind] = {
    kind.name: kind
    for kind in (
        MessageKind(
            "acknowledgement",
            "Application received",
            "applicant",
            "when an application is accepted",
            ("role", "closes_on", "is_late", "notes"),
        ),
        MessageKind(
            "please_confirm",
            "Please confirm your application",
            "applicant",
            "instead of the acknowledgement, where the program asks for a confirmation",
            ("role", "closes_on", "is_late", "notes", "link"),
        ),
        MessageKind(
            "please_correct",
            "Please correct your application",
            "applicant",
            "when an application has something to mend",
            ("role", "faults[].question", "faults[].mend", "form_link"),
        ),
        MessageKind(
            "application_withdrawn",
            "Application withdrawn",
            "applicant",
            "when an applicant withdraws the application",
            ("role",),
        ),
        MessageKind(
            "introduction_mentor",
            "Introduction to the mentor",
            "mentor",
            "when the committee has approved the match",
            (
                *_list_person("mentee"),
                *("channels", "application[].label", "application[].value"),
                *("why", "watch_outs", "rematch", "first_topic", "suggests_meeting", "link"),
            ),
        ),
        MessageKind(
            "introduction_mentee",
            "Introduction to the mentee",
            "mentee",
            "when the committee has approved the match",
            (
                *_list_person("mentor"),
                *("channels", "experience", "why", "rematch", "first_topic", "suggests_meeting", "link"),
            ),
        ),
        MessageKind(
            "monthly_topic",
            "Monthly topic to the mentor",
            "mentor",
            "on the program's day of the month, one per mentee",
            (*_TOPIC, "mentee.name", "mentee.email", "is_late"),
        ),
        MessageKind(
            "heads_up",
            "Monthly heads-up to the mentee",
            "mentee",
            "together with the mentor's monthly topic",
            (*_TOPIC, "mentor.name", "mentor.email"),
        ),
        MessageKind(
            "check_in",
            "Check-in",
            "mentor and mentee",
            "some days after the introduction, then every month or in the pair's own rhythm",
            ("partner.name", "link", "first", "month"),
        ),
        MessageKind(
            "check_in_reminder",
            "Check-in, once more",
            "whoever has not answered",
            "3 and 7 days after a check-in that nobody of the two has answered well; then the committee is told",
            ("partner.name", "link", "number", "ways", "fallback"),
        ),
        MessageKind(
            "partner_withdrew",
            "Partner withdrew",
            "the one who stays",
            "when the committee has confirmed a withdrawal",
            ("partner.name", "rematch"),
        ),
        MessageKind(
            "match_ended",
            "Match ended",
            "mentor and mentee",
            "when the committee has confirmed that a match is not working out",
            ("partner.name", "rematch", "own_request"),
        ),
        MessageKind(
            "match_paused",
            "Match paused",
            "mentor and mentee",
            "when the committee has confirmed that somebody has to pause, or to pause for longer",
            ("partner.name", "until", "until_is", "own_request", "longer", "link"),
        ),
        MessageKind(
            "match_resumed",
            "Match goes on",
            "mentor and mentee",
            "on the day until which a match paused, or earlier if the committee has confirmed that they like to",
            ("partner.name", "early"),
        ),
        MessageKind(
            "waiting_list",
            "Waiting list",
            "applicant",
            "when there is no match for now",
            ("role", "reason"),
        ),
        MessageKind(
            "evaluation_invitation",
            "Evaluation invitation",
            "mentor and mentee",
            "when the evaluation opens",
            ("link", "due_on", "partner.name"),
        ),
        MessageKind(
            "evaluation_reminder",
            "Evaluation reminder",
            "whoever has not answered",
            "twice before the evaluation is due",
            ("link", "due_on", "partner.name", "number"),
        ),
        MessageKind(
            "thanks",
            "Thanks at the end of the year",
            "mentor and mentee",
            "when the mentoring year is over",
            ("partners", "year", "certificate"),
        ),
        MessageKind(
            "committee_digest",
            "Digest for the committee",
            "the committee",
            "on Mondays if something waits, and on the day on which something urgent comes in",
            (
                "day",
                *(f"{part}[].{fact}" for part in ("urgent", "waiting") for fact in ("tab", "count", "what")),
                *("urgent[].references", "waiting[].references", "others"),
                *("upcoming[].day", "upcoming[].what", "desk"),
            ),
        ),
    )
}
