"""What a decision changes, as values: commands in the imperative, each one row of the database.

A plan is the whole outcome of a decision. It is applied in one transaction or not at all, so a message can't
exist without the change that causes it, nor the change without its message. Each class has the named query of
its own name (`ApproveMatch` → `approve_match`), and its fields are that query's parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from mentoring.cohort import Draft, MessageKey
from mentoring.desk import TabUpdate
from mentoring.policy import CRITERIA

if TYPE_CHECKING:
    from mentoring.match_review import PairingMap


@dataclass(frozen=True)
class Change:
    """Base of all changes. The first field is the row's id; an `optional` one may find it done."""

    optional: ClassVar[bool] = False

    @property
    def query(self) -> str:
        """Name of the query that makes the change."""
        return _name_query(type(self).__name__)

    @property
    def entity(self) -> tuple[str, str]:
        """Kind and id of the row that is changed."""
        first, value = next(iter(vars(self).items()))
        return _name_kind(first), str(value)

    @property
    def detail(self) -> str:
        """What the audit log keeps of it for good: a state, a reason or figures, never personal text."""
        fields = vars(self)
        return str(fields.get("state", fields.get("reason", "")))


# Asked of thousands of changes of a few classes.
@cache
def _name_query(change: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", change).lower()


@cache
def _name_kind(field_of_id: str) -> str:
    return field_of_id.removesuffix("_id").removesuffix("_key")


@dataclass(frozen=True)
class AddPerson(Change):
    """A person whose address was not known before."""

    person_id: str
    email_key: str
    email: str
    full_name: str


@dataclass(frozen=True)
class RenamePerson(Change):
    """The latest application says another name or spelling of the address."""

    person_id: str
    email: str
    full_name: str


@dataclass(frozen=True)
class AddApplication(Change):
    """A response that was not known before, as it came in."""

    application_id: str
    applicant_role: str
    person_id: str | None
    response_key: str
    sheet_row: int
    received_at: str
    is_late: int
    answers: str


@dataclass(frozen=True)
class ReviseApplication(Change):
    """The applicant edited or repeated the response; the application is looked at anew."""

    application_id: str
    before: str
    person_id: str | None
    response_key: str
    sheet_row: int
    received_at: str
    is_late: int
    answers: str


@dataclass(frozen=True)
class SettleApplication(Change):
    """What became of a received application: accepted, needs_attention, duplicate or withdrawn."""

    application_id: str
    before: str
    state: str
    faults: str
    reason: str


@dataclass(frozen=True)
class AddConfirmation(Change):
    """An application was confirmed; two runs at once may both have read it."""

    application_id: str
    person_id: str
    response_key: str
    means: str
    code: str | None
    optional = True


@dataclass(frozen=True)
class RevokeConfirmation(Change):
    """Another response came in the applicant's name, and has to be confirmed itself."""

    application_id: str
    optional = True


@dataclass(frozen=True)
class AddSeat(Change):
    """A seat of an accepted mentor."""

    application_id: str
    seat: int
    optional = True


@dataclass(frozen=True)
class RemoveSeats(Change):
    """Seats above a lowered capacity, as far as no match ever used them."""

    application_id: str
    capacity: int
    optional = True


@dataclass(frozen=True)
class ProposeMatch(Change):
    """A new proposal for the committee."""

    match_id: str
    mentor_application_id: str
    seat: int
    mentee_application_id: str
    points: int
    explanation: str
    is_rematch: int

    @property
    def detail(self) -> str:
        """The points of each criterion."""
        return _list_points(self.explanation)


@dataclass(frozen=True)
class ExplainMatch(Change):
    """The pair stays proposed; its points or reasons are new."""

    match_id: str
    points: int
    explanation: str

    @property
    def detail(self) -> str:
        """The points of each criterion."""
        return _list_points(self.explanation)


@dataclass(frozen=True)
class HoldMatch(Change):
    """The committee keeps the two together without introducing them yet, or lets go again."""

    match_id: str
    is_held: int
    decided_by: str

    @property
    def detail(self) -> str:
        """Held, or let go."""
        return "held" if self.is_held else "let go"


@dataclass(frozen=True)
class ApproveMatch(Change):
    """The committee approves."""

    match_id: str
    decided_by: str


@dataclass(frozen=True)
class RejectMatch(Change):
    """A proposal or approval ends before the introduction."""

    match_id: str
    before: str
    reason: str
    decided_by: str | None


@dataclass(frozen=True)
class ActivateMatch(Change):
    """The two are introduced."""

    match_id: str


@dataclass(frozen=True)
class EndMatch(Change):
    """An active match ends."""

    match_id: str
    reason: str


@dataclass(frozen=True)
class PauseMatch(Change):
    """An active match rests until a day."""

    match_id: str
    pause_id: str
    request_id: str
    paused_until: str


@dataclass(frozen=True)
class LengthenPause(Change):
    """A match that rests already does so until a later day."""

    match_id: str
    pause_id: str
    paused_until: str


@dataclass(frozen=True)
class ResumeMatch(Change):
    """The two go on: the day has come (elapsed), or somebody asked for it earlier (resumed)."""

    match_id: str
    pause_id: str
    state: str


@dataclass(frozen=True)
class EndPause(Change):
    """A pause is over with its match; always before the match ends."""

    match_id: str
    pause_id: str


@dataclass(frozen=True)
class AddRequest(Change):
    """A request came in."""

    request_id: str
    response_key: str
    received_at: str
    application_id: str | None
    match_id: str | None
    kind: str
    wants_rematch: int
    words: str
    problem: str
    paused_until: str | None = None


@dataclass(frozen=True)
class DecideRequest(Change):
    """The committee confirmed or declined, or the software can't tell what is meant."""

    request_id: str
    before: str
    state: str
    decided_by: str | None


@dataclass(frozen=True)
class FinishRequest(Change):
    """Everything that the request asked for is done."""

    request_id: str


@dataclass(frozen=True)
class AddCheckIn(Change):
    """An answer to a check-in; two runs at once may both have read it."""

    response_key: str
    match_id: str
    application_id: str
    answered_at: str
    signal: str
    contacts: int | None
    words: str
    rhythm: str | None = None
    fallback: str = ""
    optional = True


@dataclass(frozen=True)
class PutEvaluation(Change):
    """Somebody's evaluation of a match, the first or a newer one."""

    match_id: str
    application_id: str
    response_key: str
    answered_at: str
    answers: str


@dataclass(frozen=True)
class AddUnplacedResponse(Change):
    """A response that belongs to nobody we know."""

    response_key: str
    form: str
    sheet_row: int
    problem: str


@dataclass(frozen=True)
class PutSetting(Change):
    """The committee set a value on the Program tab."""

    setting: str
    setting_value: str


@dataclass(frozen=True)
class DropSetting(Change):
    """The committee cleared a value on the Program tab."""

    setting: str


@dataclass(frozen=True)
class OpenCohort(Change):
    """The committee plans the next cohort, or another beginning of it; once people have applied it stays as it is."""

    next_cohort_id: str
    cohort_settings: str
    optional = True

    @property
    def detail(self) -> str:
        """The first day of its applications."""
        return str(json.loads(self.cohort_settings)["applications_open"])


@dataclass(frozen=True)
class TakeBackCohort(Change):
    """The committee does without the next cohort that it planned, as long as nobody has applied for it."""

    next_cohort_id: str
    optional = True


@dataclass(frozen=True)
class CancelMessage(Change):
    """A message that has become wrong before it went out."""

    message_id: str
    problem: str


@dataclass(frozen=True)
class ResolveMessage(Change):
    """The committee decided about a message that needed a person."""

    message_id: str
    resolution: str


@dataclass(frozen=True)
class ReissueMessage(Change):
    """The same text once more, under a new key, because the committee asked for it."""

    message_id: str
    reissued_as: str
    reissue: int
    not_before: str
    expires_at: str


@dataclass(frozen=True)
class ReissueAttachments(Change):
    """The files of a message that is sent once more."""

    message_id: str
    reissued_as: str
    optional = True


def _list_points(explanation: str) -> str:
    # Figures alone: the words of an explanation quote both applications.
    earned = json.loads(explanation).get("criteria", {})
    return ", ".join(f"{name.replace('_', ' ')} {int(earned[name])}" for name in CRITERIA if earned.get(name))


@dataclass(frozen=True)
class Plan:
    """The outcome of a decision: what goes to the database, to the desk and to the operator.

    `counts` and `waiting` go to the run's page: figures, and sentences on what waits for whom, without
    personal data. `pairing` is who could be with whom, where a matching was run.
    """

    changes: Sequence[Change] = ()
    messages: Sequence[Draft] = ()
    updates: Sequence[TabUpdate] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    waiting: Sequence[str] = ()
    pairing: PairingMap | None = None

    def drop_known(self, known: frozenset[MessageKey]) -> Plan:
        """The plan without messages that were queued before."""
        fresh = tuple(draft for draft in self.messages if draft.reissue or draft.key not in known)
        return Plan(self.changes, fresh, self.updates, self.counts, self.waiting)


def as_parameters(change: Change) -> dict[str, Any]:
    """The fields of a change by name, for its query."""
    return dict(vars(change))
