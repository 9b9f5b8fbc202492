"""What `program.yaml` says: the program, its people's addresses, its forms and its cohorts.

Only the shape and the meaning of settings belong here; reading the file and the environment is `tasks.settings`.
"""

from __future__ import annotations

from datetime import date, time
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

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
#: A form's field is one question, or several whose answers belong together in order (a ranking).
Questions = str | list[str]


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


class Form(Settings):
    """One tab of the forms spreadsheet: which question holds which field."""

    tab: str = Field(description="Name of the tab that holds the responses")
    fields: dict[str, Questions] = Field(
        description="Field → question as the heading shows it, or a list of questions"
    )


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

    applications_open: date = Field(description="First day on which an application counts for this cohort")
    applications_close: date = Field(description="Last day to apply; later applications wait for a free seat")
    starts: date = Field(description="First day on which introductions go out")
    ends: date = Field(description="Last day of the mentoring year")
    evaluation_opens: date = Field(description="Day on which the evaluation is sent")
    evaluation_due: date = Field(description="Last day to answer the evaluation")
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
        return self


class Program(Settings):
    """The whole of `program.yaml`."""

    name: str = Field(description="Name of the program", min_length=1)
    association: str = Field(description="Name of the association", min_length=1)
    committee_address: Address = Field(
        description="Where people write to the committee; Reply-To of every mail"
    )
    sender: Sender
    links: Links
    time_zone: TimeZone = Field(description="The committee's time zone; days begin and end in it")
    sending_hours: SendingHours = SendingHours()  # type: ignore[call-arg]
    sheets: Literal["local"] = Field("local", description="Where sheets live; MENTORING_SHEETS wins")
    mail: Literal["files"] = Field("files", description="How mail goes out; MENTORING_MAIL wins")
    focus_areas: list[str] = Field(min_length=1, description="Focus areas that the forms offer")
    library_types: list[str] = Field(min_length=1, description="Library types that the forms offer")
    channels: list[str] = Field(min_length=1, description="Ways to talk that the forms offer")
    topics: list[str] = Field(min_length=1, description="Topics that mentees rank and mentors offer")
    time_zones: dict[str, TimeZone] = Field(description="Time zone as the form names it → IANA name")
    forms: dict[Literal["mentor", "mentee", "request", "check_in", "evaluation"], Form]
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

    def require_cohort(self, cohort_id: str | None) -> str:
        """Return the cohort asked for, or the latest to open; raise KeyError with a sentence if there is none such."""
        if cohort_id is None:
            return max(self.cohorts, key=lambda name: self.cohorts[name].applications_open)
        if cohort_id not in self.cohorts:
            known = ", ".join(sorted(self.cohorts))
            raise KeyError(f"There is no cohort “{cohort_id}” in program.yaml; it has {known}.")
        return cohort_id

    @model_validator(mode="before")
    @classmethod
    def _cohort_ids_are_text(cls, data: Any) -> Any:
        # YAML reads an unquoted 2027 as a number; people write years as cohort ids all the time.
        if isinstance(data, dict) and isinstance(data.get("cohorts"), dict):
            return {**data, "cohorts": {str(key): value for key, value in data["cohorts"].items()}}
        return data
