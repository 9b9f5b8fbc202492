"""What `program.yaml` says: the program, its people's addresses, its forms and its cohorts.

Only the shape and the meaning of settings belong here; reading the file and the environment is `tasks.settings`.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mentoring.form_questions import OPEN_FIELDS, Form
from mentoring.policy import Policy


@cache
def _list_time_zones() -> frozenset[str]:
    # The library reads a whole folder for it.
    return frozenset(available_timezones())


def check_time_zone(name: str) -> str:
    """Return `name` if it is an IANA time zone; raise ValueError with the mend otherwise."""
    if name not in _list_time_zones():
        raise ValueError(f"“{name}” is not a time zone; write one like America/New_York or Europe/Berlin")
    return name


TimeZone = Annotated[str, AfterValidator(check_time_zone)]
Address = Annotated[str, Field(pattern=r"\A[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+\z")]
Link = Annotated[str, Field(pattern=r"\Ahttps?://\S+\z")]
SheetsBackend = Literal["local", "google"]
MailBackendName = Literal["files", "sendgrid", "smtp"]


def _read_day(value: Any) -> Any:
    # The library takes a number for seconds since 1970, and forgives a time of day.
    is_written = isinstance(value, str) and _DAY.fullmatch(value.strip())
    if is_written or isinstance(value, date):
        return value.strip() if isinstance(value, str) else value
    raise PydanticCustomError("date_form", "write a day like 2027-03-01")


def _check_year(day: date) -> date:
    if not 2000 <= day.year < 2200:
        raise ValueError("write a day of this century or the next")
    return day


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: A day on which this program can work: far ones can't be counted on from, in months or in another time zone.
Day = Annotated[date, BeforeValidator(_read_day), AfterValidator(_check_year)]

#: What to do about a value that can't be read, by the beginning of pydantic's name for the error.
_MENDS = {
    "date": "write a day like 2027-03-01.",
    "time": "write a time of day like 08:00.",
    "int": "write a whole number.",
    "bool": "write yes or no.",
    "string_type": "write a text.",
    "list_type": "write a list, one entry a line, each beginning with a dash.",
    "too_short": "add at least one entry.",
    "string_pattern_mismatch": "correct its form; an address is like name@example.org, a link like https://example.org.",
}


def describe_mend(kind: str, message: str) -> str:
    """What to do about a value that pydantic refuses with this error, as the end of a sentence."""
    for start, mend in _MENDS.items():
        if kind.startswith(start):
            return mend
    sentence = message.removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    return f"{sentence[:1].lower()}{sentence[1:]}."


class Settings(BaseModel):
    """Base of every part of `program.yaml`: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sender(Settings):
    """Who the mail comes from."""

    name: str = Field(description="Name that recipients see", min_length=1)
    address: Address = Field(description="Address that the mail provider accepts as sender")


class Links(Settings):
    """Addresses that mails and notes point to."""

    code_of_conduct: Link = Field(description="The Code of Conduct that everyone complies with")
    guidelines: Link = Field(description="The program's guidelines")
    mentor_form: Link = Field(description="Application form for mentors")
    mentee_form: Link = Field(description="Application form for mentees")
    request_form: Link = Field(
        description="Form for whoever can't go on; {token} marks where the prefilled reference goes"
    )
    check_in_form: Link = Field(description="Check-in form; {token} marks where the prefilled reference goes")
    evaluation_form: Link = Field(
        description="Evaluation form; {token} marks where the prefilled reference goes"
    )
    confirmation_form: Link | None = Field(
        None,
        description="Form by which applicants confirm, where a link does; {token} marks where its code goes",
    )
    opportunities: Link | None = Field(
        None, description="Webinars, conferences, committees of the association"
    )


class SendingHours(Settings):
    """Daytime in which mail may arrive, in the recipient's time zone."""

    start: time = Field(time(8), description="Earliest time of day")
    end: time = Field(time(18), description="Latest time of day")

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end <= self.start:
            raise ValueError("sending hours must end after they start, on the same day")
        return self


class DeliverySettings(Settings):
    """The pace of sending, and when to stop and ask a person."""

    daily_cap: int = Field(1000, ge=1, description="Most messages that go out within 24 hours")
    senders: int = Field(4, ge=1, le=16, description="Messages on their way at the same time")
    pause_after_refusals: int = Field(
        5, ge=1, description="Refusals in a row after which a run stops sending, since something is wrong"
    )
    grace_minutes: int = Field(
        60, ge=1, description="Minutes before the provider's records are asked about a message in doubt"
    )
    unsubscribe_group: int | None = Field(
        None, ge=1, description="SendGrid's unsubscribe group for reminders; none without"
    )


class GoogleSettings(Settings):
    """The two spreadsheets, by the id in their address."""

    forms: str = Field(description="Id of the spreadsheet that holds the form responses", min_length=10)
    committee: str = Field(description="Id of the committee's spreadsheet", min_length=10)

    @property
    def committee_link(self) -> str:
        """The address of the committee's spreadsheet."""
        return f"https://docs.google.com/spreadsheets/d/{self.committee}"


class Question(Settings):
    """One question of the evaluation form."""

    id: str = Field(description="Short name, letters, digits and underscores", pattern=r"\A[a-z][a-z0-9_]*\z")
    text: str = Field(description="The question as the form's heading shows it")
    kind: Literal["scale", "choice", "multiple", "text"] = Field(description="How it is answered")
    role: Literal["mentor", "mentee", "both"] = Field("both", description="Who is asked")
    low: str = Field("", description="Meaning of 1 on a scale of 1 to 5")
    high: str = Field("", description="Meaning of 5 on a scale of 1 to 5")
    choices: list[str] = Field(default_factory=list, description="Answers offered, in order")


class CohortSettings(Settings):
    """The dates and habits of one cohort; the `Program` tab may override each of them."""

    applications_open: Day = Field(description="First day on which an application counts for this cohort")
    applications_close: Day = Field(description="Last day to apply; later applications wait for a free seat")
    starts: Day = Field(description="First day on which introductions go out")
    ends: Day = Field(description="Last day of the mentoring year")
    evaluation_opens: Day = Field(description="Day on which the evaluation is sent")
    evaluation_due: Day = Field(description="Last day to answer the evaluation")
    next_cohort_opens: Day | None = Field(
        None,
        description="First day of applications for the next cohort, which starts by itself then with the settings of "
        "this one, every day moved along; until then you may still change or empty it",
    )
    topics_day: int = Field(1, ge=1, le=28, description="Day of the month on which the topic goes out")
    check_in_after_days: int = Field(
        10, ge=1, le=60, description="Days after the introduction until the first check-in"
    )
    retention_months: int = Field(
        24, ge=1, le=120, description="Months after the end until personal data is removed"
    )

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        order = ["applications_open", "applications_close", "starts", "evaluation_opens", "evaluation_due"]
        for earlier, later in pairwise(order):
            if getattr(self, earlier) > getattr(self, later):
                raise ValueError(f"{later} must not be before {earlier}")
        if not self.starts < self.ends:
            raise ValueError("ends must be after starts")
        # From then on nothing of this cohort runs by itself, and its figures are compiled the day after it is over.
        earliest = max(self.ends, self.evaluation_due) + timedelta(days=2)
        if self.next_cohort_opens and self.next_cohort_opens < earliest:
            raise ValueError(f"next_cohort_opens must be {earliest} or later, when this cohort is over")
        return self


class Program(Settings):
    """The whole of `program.yaml`."""

    name: str = Field(description="Name of the program", min_length=1)
    association: str = Field(description="Name of the association", min_length=1)
    committee_address: Address = Field(
        description="Where people write to the committee; Reply-To of every mail"
    )
    operator_address: Address | None = Field(
        None, description="Who gets a mail when a run has failed, one a day for each flow; nobody without it"
    )
    sender: Sender
    links: Links
    time_zone: TimeZone = Field(description="The committee's time zone; days begin and end in it")
    sending_hours: SendingHours = SendingHours()  # type: ignore[call-arg]
    sheets: SheetsBackend = Field("local", description="Where sheets live; MENTORING_SHEETS wins")
    mail: MailBackendName = Field("files", description="How mail goes out; MENTORING_MAIL wins")
    confirmation: Literal["link", "verified_address"] | None = Field(
        None,
        description="What an application needs before it can be matched: link (the single-use link in the mail that "
        "acknowledges it) or verified_address (that the form's own sign-in collected); nothing without it",
    )
    suggest_first_meeting: bool = Field(
        False, description="Whether introductions carry a calendar entry with a suggested first talk"
    )
    delivery: DeliverySettings = Field(
        default_factory=lambda: DeliverySettings.model_validate({}), description="Pace and care of sending"
    )
    google: GoogleSettings | None = Field(
        None, description="The two spreadsheets, when they live with Google"
    )
    focus_areas: list[str] = Field(min_length=1, description="Focus areas that the forms offer")
    library_types: list[str] = Field(min_length=1, description="Library types that the forms offer")
    channels: list[str] = Field(min_length=1, description="Ways to talk that the forms offer")
    topics: list[str] = Field(min_length=1, description="Topics that mentees rank and mentors offer")
    time_zones: dict[str, TimeZone] = Field(description="Time zone as the form names it → IANA name")
    forms: dict[Literal["mentor", "mentee", "confirmation", "request", "check_in", "evaluation"], Form]
    evaluation: list[Question] = Field(min_length=1, description="Questions of the evaluation form")
    policy: Policy = Field(default_factory=Policy, description="Weights and rules of matching")
    cohorts: dict[str, CohortSettings] = Field(
        min_length=1, description="Cohorts by their id, for example 2027"
    )

    @property
    def zone(self) -> ZoneInfo:
        """The committee's time zone."""
        return ZoneInfo(self.time_zone)

    def name_time_zone(self, zone: str) -> str:
        """An IANA time zone as the forms call it, else by its own name without underscores."""
        names = (name for name, iana in self.time_zones.items() if iana == zone)
        return next(names, zone.replace("_", " "))

    def require_cohort(self, cohort_id: str | None, today: date | None = None) -> str:
        """Return the cohort asked for; raise KeyError with a sentence if there is none such.

        Without one, the latest that takes applications by `today`: a year that was only prepared does not displace
        the one under way. Before all of them, the first; without `today`, the latest of all.
        """
        if cohort_id is None:
            opens = {name: item.applications_open for name, item in self.cohorts.items()}
            begun = [name for name, day in opens.items() if today is None or day <= today]
            return (
                max(begun, key=lambda name: opens[name])
                if begun
                else min(opens, key=lambda name: opens[name])
            )
        if cohort_id not in self.cohorts:
            known = ", ".join(sorted(self.cohorts))
            raise KeyError(f"There is no cohort “{cohort_id}”; the program has {known}.")
        return cohort_id

    @model_validator(mode="after")
    def _other_where_it_may_be(self) -> Self:
        asked = tuple(item.id for item in self.evaluation if item.kind in ("choice", "multiple"))
        allowed = {"mentor": OPEN_FIELDS, "mentee": OPEN_FIELDS, "evaluation": asked}
        for name, form in self.forms.items():
            may = allowed.get(name, ())
            if wrong := [field for field in form.other or () if field not in may]:
                mend = f"write some of {', '.join(may)}" if may else "remove the line"
                raise ValueError(
                    f"forms → {name} → other names “{wrong[0]}”, which takes no other words; {mend}"
                )
        return self

    @model_validator(mode="after")
    def _can_confirm(self) -> Self:
        if self.confirmation == "link":
            if "{token}" not in (self.links.confirmation_form or ""):
                raise ValueError("links → confirmation_form must have {token} where the form's code goes")
            if "confirmation" not in self.forms:
                raise ValueError("forms → confirmation is missing; name its tab and its questions")
        if self.confirmation == "verified_address":
            for name in ("mentor", "mentee"):
                if name in self.forms and "verified_email" not in self.forms[name].fields:
                    raise ValueError(
                        f"forms → {name} → fields must say which column is the verified_email; in Google's forms it "
                        "is Email Address"
                    )
        return self

    @model_validator(mode="before")
    @classmethod
    def _cohort_ids_are_text(cls, data: Any) -> Any:
        # YAML reads an unquoted 2027 as a number; people write years as cohort ids all the time.
        if isinstance(data, dict) and isinstance(data.get("cohorts"), dict):
            return {**data, "cohorts": {str(key): value for key, value in data["cohorts"].items()}}
        return data
