"""Made-up people for a rehearsal: who they are, what they write into the forms, and how they will behave.

Everything they choose from is the program's own: topics, areas, channels, time zones, evaluation. A profile fits
together: a student has few years and no staff, a mentor's text speaks of the topics that the mentor offers.
Belongs here: drawing people. Does not belong here: what they do on which day (`deployments.rehearsed_year`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

from mentoring.form_fields import ACTIONS, SHARE_PARTS
from mentoring.program import CohortSettings, Program

Role = Literal["mentor", "mentee"]
Answers = dict[str, str]

_GIVEN = (
    "Ada",
    "Amara",
    "Ángel",
    "Beatriz",
    "Chidi",
    "Chloë",
    "Dalia",
    "Devin",
    "Elif",
    "Emeka",
    "Farah",
    "Finn",
    "Grace",
    "Hana",
    "Hugo",
    "Ines",
    "Ivo",
    "Jamal",
    "Jun",
    "Kalani",
    "Keiko",
    "Lars",
    "Leila",
    "Mateo",
    "Mira",
    "Nia",
    "Noor",
    "Olga",
    "Omar",
    "Paula",
    "Quinn",
    "Rania",
    "Rosa",
    "Samir",
    "Sofía",
    "Tariq",
    "Uma",
    "Valeria",
    "Wen",
    "Yusuf",
    "Zoë",
)
_FAMILY = (
    "Abbott",
    "Bauer",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Farrell",
    "Gupta",
    "Haddad",
    "Ito",
    "Jensen",
    "Kowalska",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "O'Brien",
    "Petrov",
    "Quispe",
    "Rossi",
    "Santos",
    "Tanaka",
    "Uzun",
    "Varga",
    "Whitfield",
    "Xu",
    "Yilmaz",
    "Zelenko",
)
_PLACES = (
    "Alder",
    "Birch",
    "Cedar",
    "Dogwood",
    "Elm",
    "Fir",
    "Hazel",
    "Juniper",
    "Larch",
    "Maple",
    "Oak",
    "Pine",
    "Rowan",
    "Spruce",
    "Willow",
)
_KINDS_OF_PLACE = ("College Library", "Public Library", "University", "Archive", "Consortium")
_AGREES = "I have read the Code of Conduct and agree to comply with it"
#: What goes wrong in a broken application → what stands there instead.
_FAULTS = {"years_experience": "a few", "code_of_conduct": "", "time_zone": "Middle of nowhere", "name": ""}


#: Until when people would like to pause: days from the request, none at all, a day that is past, one after the year.
_PAUSES = (None, -5, 10, 21, 30, 45, 400)


@dataclass(frozen=True)
class Trouble:
    """How often things go otherwise than hoped, each from 0 to 1."""

    late: float
    twice: float
    broken: float
    takes_back: float
    silent: float
    leaves: float
    mismatch: float
    skips_evaluation: float
    server_down: float
    sheets_away: float
    mail_refused: float
    mail_away: float
    mail_doubtful: float
    unclear_decision: float
    pauses: float


TROUBLES: Mapping[str, Trouble] = {
    "mild": Trouble(
        0.05, 0.05, 0.08, 0.02, 0.08, 0.04, 0.03, 0.2, 0.01, 0.005, 0.003, 0.01, 0.003, 0.02, 0.06
    ),
    "rough": Trouble(0.15, 0.15, 0.25, 0.06, 0.25, 0.15, 0.12, 0.45, 0.05, 0.04, 0.03, 0.08, 0.03, 0.1, 0.25),
}


@dataclass(frozen=True)
class Habits:
    """How somebody will behave; days without a value never come."""

    applies_on: date
    applies_again_on: date | None
    fault: str
    mends_after: int | None
    takes_back_on: date | None
    falls_silent_on: date | None
    leaves_on: date | None
    mismatch_on: date | None
    evaluates_after: int | None
    is_kind: int
    pauses_on: date | None = None
    #: Days until the one on which they go on; None without an answer.
    pauses_for: int | None = None
    goes_on_after: int | None = None


@dataclass(frozen=True)
class Person:
    """One made-up applicant: the answers by field, as they are meant, and the habits."""

    role: Role
    email: str
    answers: Answers
    habits: Habits

    def write_application(self, with_fault: bool = False) -> Answers:
        """The answers as the form gets them, or with the one mistake that this person makes."""
        faults = {self.habits.fault: _FAULTS[self.habits.fault]} if with_fault and self.habits.fault else {}
        return self.answers | faults


def draw_people(
    program: Program, settings: CohortSettings, trouble: Trouble, how_many: int, draw: Random, year: int = 0
) -> list[Person]:
    """`how_many` people (at least two), two in five of them mentors; in a later year every second one comes back."""
    mentors = max(1, how_many * 2 // 5)
    roles: list[Role] = ["mentor" if number < mentors else "mentee" for number in range(how_many)]
    return [
        Person(role, address, answers, _draw_habits(settings, trouble, draw))
        for number, role in enumerate(roles, 1)
        for address, answers in [_draw_profile(program, role, draw, number + how_many * year * (number % 2))]
    ]


def _draw_profile(program: Program, role: Role, draw: Random, number: int) -> tuple[str, Answers]:
    given, family = draw.choice(_GIVEN), draw.choice(_FAMILY)
    years = draw.randint(8, 35) if role == "mentor" else draw.randint(0, 7)
    topics = draw.sample(program.topics, min(len(program.topics), 4 if role == "mentor" else 3))
    areas = draw.sample(program.focus_areas, min(len(program.focus_areas), draw.randint(1, 3)))
    kind = draw.choice(program.library_types)
    answers = {
        "action": ACTIONS[0],
        "name": f"{given} {family}",
        "institution": f"{draw.choice(_PLACES)} {draw.choice(_KINDS_OF_PLACE)} {number}",
        "library_type": kind,
        "years_experience": str(years),
        "career_stage": _name_stage(years),
        "focus_areas": ", ".join(areas),
        "channels": ", ".join(_draw_channels(program.channels, draw)),
        "time_zone": draw.choice(list(program.time_zones)),
        "languages": "English" + draw.choice(["", "", ", Spanish", ", French"]),
        "code_of_conduct": _AGREES,
    }
    text = (
        f"{', '.join(topics)}: that is what my days are about, with {areas[0].lower()} in the middle of them."
    )
    if role == "mentor":
        answers |= {
            "topics_offered": ", ".join(topics),
            "experience_text": f"{years} years of work. {text}",
            "capacity": str(draw.choice([1, 1, 1, 2, 2, 3])),
        }
    else:
        answers |= {
            "topics_wanted": "\n".join(topics),
            "goals_text": f"I hope for a year in which I learn to find my way. {text}",
            "desired_library_type": draw.choice(["", kind, draw.choice(program.library_types)]),
            "share_consent": ", ".join(SHARE_PARTS if draw.random() < 0.8 else SHARE_PARTS[:1]),
        }
    return f"person{number}@example.org", answers


def _name_stage(years: int) -> str:
    stages = ((2, "In library school"), (5, "Early career"), (15, "Mid-career"))
    return next((name for limit, name in stages if years < limit), "Senior or leading a team")


def _draw_channels(channels: Sequence[str], draw: Random) -> list[str]:
    # Nearly everybody takes the first one, so that a few people can't be paired.
    others = draw.sample(channels[1:], min(len(channels) - 1, draw.randint(0, 2)))
    return [*channels[:1], *others] if draw.random() < 0.9 or not others else others


def _draw_habits(settings: CohortSettings, trouble: Trouble, draw: Random) -> Habits:
    def chance(of: float) -> bool:
        return draw.random() < of

    def day(first: date, last: date) -> date:
        return first + timedelta(days=draw.randint(0, max(0, (last - first).days)))

    opened, closed, starts, ends = (
        settings.applications_open,
        settings.applications_close,
        settings.starts,
        settings.ends,
    )
    late = day(closed + timedelta(days=1), min(closed + timedelta(days=60), ends))
    applies_on = late if chance(trouble.late) else day(opened, closed)
    again = applies_on + timedelta(days=draw.randint(0, 9))
    last_word = ends - timedelta(days=1)
    return Habits(
        applies_on,
        again if chance(trouble.twice) else None,
        draw.choice(list(_FAULTS)) if chance(trouble.broken) else "",
        draw.randint(1, 12) if chance(0.8) else None,
        applies_on + timedelta(days=draw.randint(1, 30)) if chance(trouble.takes_back) else None,
        day(starts, last_word) if chance(trouble.silent) else None,
        day(starts, last_word) if chance(trouble.leaves) else None,
        day(starts, last_word) if chance(trouble.mismatch) else None,
        None if chance(trouble.skips_evaluation) else draw.randint(0, 30),
        draw.randint(2, 5),
        day(starts, last_word) if chance(trouble.pauses) else None,
        draw.choice(_PAUSES),
        draw.randint(5, 40) if chance(0.4) else None,
    )
