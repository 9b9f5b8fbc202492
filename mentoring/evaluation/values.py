"""What goes into the compiled evaluation and what comes out, as frozen values.

Belongs here: shapes, groups, what is withheld from small groups and the names of the year's counts. Does
not belong here: how a figure is computed (`summary`) or worded (`figures`, `sentences`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mentoring.evaluation.comparison_values import Difference, YearComparison
from mentoring.evaluation.intervals import Share
from mentoring.evaluation.weights import WeightLesson
from mentoring.program import Question

Role = Literal["mentor", "mentee"]
Group = Literal["all", "mentor", "mentee"]
#: Why a group is not shown: too few answers, or its difference to a shown group would show too few.
Withheld = Literal["", "too_few", "would_reveal"]

GROUPS: Mapping[Group, str] = {"all": "Everyone", "mentor": "Mentors", "mentee": "Mentees"}
#: Figures that rest on fewer answers than this are never shown.
FEWEST_ANSWERS = 5
WITHHELD: Mapping[Withheld, str] = {
    "": "",
    "too_few": "too few answers to show",
    "would_reveal": "not shown, because it would give away the few answers of the other group",
}

#: Question ids with a meaning of their own; every other question is summarised by its kind alone.
FIT, RECOMMEND, CONTACTS, TOPICS = "fit", "would_recommend", "contact_frequency", "useful_topics"

#: Counts of the year by key: what is counted, and of whom. `topics_sent.<year-month>` is known besides.
YEAR_COUNTS: Mapping[str, tuple[str, str]] = {
    "applications.mentor": ("Applications", "Mentors"),
    "applications.mentee": ("Applications", "Mentees"),
    "accepted.mentor": ("Accepted applications", "Mentors"),
    "accepted.mentee": ("Accepted applications", "Mentees"),
    "matched.mentor": ("Introduced to somebody", "Mentors"),
    "matched.mentee": ("Introduced to somebody", "Mentees"),
    "introduced": ("Matches introduced", "Pairs"),
    "rematches": ("Rematches among them", "Pairs"),
    "ended.completed": ("Completed the year", "Pairs"),
    "ended.withdrawn": ("Ended because somebody could not go on", "Pairs"),
    "ended.not_working_out": ("Ended because it did not work out", "Pairs"),
    "active": ("Still under way", "Pairs"),
    "contact.told": ("Of those over: in touch, as somebody told in a check-in", "Pairs"),
    "contact.none": ("Of those over: never in touch, as far as the mentee told", "Pairs"),
    "contact.unknown": ("Of those over: not known, because nobody told", "Pairs"),
    "waiting.mentor": ("Waiting for a match at the end", "Mentors"),
    "waiting.mentee": ("Waiting for a match at the end", "Mentees"),
}
TOPICS_SENT = "topics_sent."


@dataclass(frozen=True)
class Participant:
    """One invitation to the evaluation: a person in one match."""

    participant_id: str
    role: Role
    match_id: str
    has_answered: bool


@dataclass(frozen=True)
class Answer:
    """One response: text by question id, plus `comment` and `quote_consent`; blank or absent is no answer."""

    participant_id: str
    role: Role
    match_id: str
    answers: Mapping[str, str]


@dataclass(frozen=True)
class ResponseRate:
    """How many invitations of a group were answered. Everyone was asked, so there is no interval."""

    group: Group
    invited: int
    answered: int


@dataclass(frozen=True)
class ScaleFigure:
    """One question on a scale of 1 to 5 in one group; figures are empty where `withheld` says why.

    `distribution` counts the answers 1 to 5 in order, `favourable` is the share that answered 4 or 5,
    `not_usable` counts answers that are no number from 1 to 5 (they are not in `answers`).
    """

    group: Group
    answers: int
    not_usable: int
    withheld: Withheld
    distribution: tuple[int, ...] = ()
    mean: float | None = None
    median: float | None = None
    favourable: Share | None = None


@dataclass(frozen=True)
class PairFigure:
    """The two sides of a match on the same scale, for the pairs in which both answered.

    `close`: the two answers are equal or one step apart; `both_favourable`: both are 4 or 5.
    """

    pairs: int
    withheld: Withheld
    close: Share | None = None
    both_favourable: Share | None = None


@dataclass(frozen=True)
class ScaleSummary:
    """One scale question by group; `pairs` for the question `fit` where both sides were asked."""

    question: Question
    figures: tuple[ScaleFigure, ...]
    pairs: PairFigure | None = None


@dataclass(frozen=True)
class OptionShare:
    """One answer on offer and the share that chose it; `months` (2027-03) where it is a monthly topic."""

    option: str
    share: Share
    months: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChoiceFigure:
    """One choice question in one group, options in the form's order; none where `withheld` says why.

    `answers` is what the shares rest on: with one choice, those who chose; with several, those who sent the
    form in. `not_usable` counts people whose answer held something that was not on offer.
    """

    group: Group
    answers: int
    not_usable: int
    withheld: Withheld
    options: tuple[OptionShare, ...] = ()


@dataclass(frozen=True)
class ChoiceSummary:
    """One question with a choice of answers, by group."""

    question: Question
    figures: tuple[ChoiceFigure, ...]


@dataclass(frozen=True)
class Quote:
    """What somebody allowed us to quote; `source` is “Mentor”, “Mentee” or “Participant”."""

    text: str
    source: str


@dataclass(frozen=True)
class QuoteGroup:
    """Quotes for one question, in alphabetical order so that nobody's answers can be put together."""

    question: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class PairPoints:
    """One introduced pair: the share (0 to 1) of its weight that each criterion earned, and the two's answers."""

    shares: Mapping[str, float]
    answers: tuple[int, ...]


@dataclass(frozen=True)
class FitGroup:
    """Answers of people whose pairs got many, or few, of a criterion's points; no share where `withheld` says why."""

    pairs: int
    answers: int
    withheld: Withheld
    favourable: Share | None = None


@dataclass(frozen=True)
class CriterionFit:
    """The mean share of its points that a criterion gave the pairs, and what those with many and with few said."""

    criterion: str
    weight: int
    earned: float
    many: FitGroup
    few: FitGroup
    difference: Difference | None = None


@dataclass(frozen=True)
class FitByCriterion:
    """How the year's pairs fit; `criteria` are empty where `pairs` are too few. `question` is the overall one."""

    question: str
    pairs: int
    criteria: tuple[CriterionFit, ...] = ()


@dataclass(frozen=True)
class EvaluationSummary:
    """Everything that is known of the year from its evaluation and its counts.

    `not_invited` counts responses that belong to no invitation, `texts_not_quoted` counts texts whose
    authors did not agree to be quoted. `topics` is the question about the monthly topics, where the form
    has one. `year_counts` has the keys of `YEAR_COUNTS`, and `topics_sent` is (month, title, pairs that
    received it) in order. `lesson` is what the answers say of the weights, `comparison` what changed since earlier
    years, and `fit` how the pairs fit by criterion, where that was asked.
    """

    response: tuple[ResponseRate, ...]
    scales: tuple[ScaleSummary, ...]
    choices: tuple[ChoiceSummary, ...]
    topics: ChoiceSummary | None
    quotes: tuple[QuoteGroup, ...]
    texts_not_quoted: int
    not_invited: int
    year_counts: Mapping[str, int] = field(default_factory=dict)
    topics_sent: tuple[tuple[str, str, int], ...] = ()
    lesson: WeightLesson | None = None
    comparison: YearComparison | None = None
    fit: FitByCriterion | None = None

    @property
    def invited(self) -> int:
        """Number of invitations."""
        return self.response[0].invited

    @property
    def answered(self) -> int:
        """Number of invitations that were answered."""
        return self.response[0].answered

    @property
    def not_usable(self) -> int:
        """Number of answers to single questions that could not be used."""
        choices = [*self.choices, self.topics] if self.topics else self.choices
        asked: list[ScaleSummary | ChoiceSummary] = [*self.scales, *choices]
        return sum(summary.figures[0].not_usable for summary in asked)

    def find_scale(self, question_id: str) -> ScaleSummary | None:
        """The scale question of this id, if the form has it."""
        return next((scale for scale in self.scales if scale.question.id == question_id), None)

    def find_choice(self, question_id: str) -> ChoiceSummary | None:
        """The choice question of this id, if the form has it."""
        return next((choice for choice in self.choices if choice.question.id == question_id), None)
