"""The rules of one matching run as a value: weights, hard rules, fairness and seed.

Belongs here: what a committee may set about matching, its bounds and its defaults. Does not belong here: how
a rule is applied (mentoring.matching) or where the values come from (a YAML file, the Program tab). Imports
pydantic only.
"""

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAXIMUM_TOTAL_WEIGHT = 1_000_000
"""Most points a pair may earn in all: with it every score stays exact in single-precision matrix products."""


class Weights(BaseModel):
    """The most points that a pair can earn for each criterion; 0 switches a criterion off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topics: int = Field(
        default=300, ge=0, description="Points when the mentor offers all topics that the mentee wants."
    )
    focus_areas: int = Field(
        default=200, ge=0, description="Points when the mentor covers all focus areas of the mentee."
    )
    goals: int = Field(
        default=150, ge=0, description="Points when the mentor's experience speaks of all that the goals do."
    )
    library_type: int = Field(
        default=150, ge=0, description="Points when the mentor works where the mentee wants to work."
    )
    time_zone: int = Field(default=100, ge=0, description="Points when their working days overlap fully.")
    experience: int = Field(
        default=100, ge=0, description="Points when the gap in years of experience is the ideal one."
    )
    languages: int = Field(default=0, ge=0, description="Points when they share a language.")

    @model_validator(mode="after")
    def _check_total(self) -> "Weights":
        total = sum(self.model_dump().values())
        if total > MAXIMUM_TOTAL_WEIGHT:
            raise ValueError(
                f"the weights add up to {total:,} points; give them at most {MAXIMUM_TOTAL_WEIGHT:,} in all"
            )
        return self


CRITERIA: tuple[str, ...] = tuple(Weights.model_fields)
"""The criteria in the order of their columns."""


class ExperienceGap(BaseModel):
    """How many more years of experience a mentor has than the mentee."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum: int = Field(
        default=3, ge=0, le=60, description="Fewest whole years that the mentor is ahead of the mentee."
    )
    ideal: int = Field(
        default=10, ge=0, le=60, description="Years ahead that earn all points of the experience criterion."
    )

    @model_validator(mode="after")
    def _check_order(self) -> "ExperienceGap":
        if self.ideal < self.minimum:
            raise ValueError(
                f"the ideal experience gap ({self.ideal} years) is below the minimum ({self.minimum} years); "
                "raise the ideal or lower the minimum"
            )
        return self


class Policy(BaseModel):
    """Everything a committee decides about matching before it starts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: Weights = Field(default_factory=Weights, description="Most points for each criterion.")
    same_institution_allowed: bool = Field(default=False, description="May two of one institution be paired?")
    shared_channel_required: bool = Field(
        default=True, description="Must a pair share a way to talk (phone, e-mail, …)?"
    )
    shared_language_required: bool = Field(
        default=True, description="Must a pair share a language, where both named some?"
    )
    experience_gap_required: bool = Field(
        default=True, description="Must the mentor be ahead by the minimum of years?"
    )
    experience_gap: ExperienceGap = Field(
        default_factory=ExperienceGap, description="Years the mentor is ahead."
    )
    floor: int = Field(default=0, ge=0, description="No pair below this many points is proposed.")
    max_min: bool = Field(
        default=False, description="Lift the worst pair as high as possible before the total."
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="Decides between equally good results; same seed, same result."
    )

    @model_validator(mode="after")
    def _check_floor(self) -> "Policy":
        best = sum(self.weights.model_dump().values())
        if self.floor > best:
            raise ValueError(
                f"the floor of {self.floor} points can never be reached: the weights add up to {best}; "
                "lower the floor"
            )
        return self
