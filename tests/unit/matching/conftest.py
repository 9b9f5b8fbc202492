"""Made-up cohorts for the tests of the matching engine.

Belongs here: inputs. Does not belong here: assertions.
"""

import random
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

Cohort = tuple[pd.DataFrame, pd.DataFrame]

TOPICS = ["Job search", "Publishing", "Leadership", "Metadata", "Conferences"]
FOCUS = ["Cataloging", "Acquisitions", "E-resources", "Digital preservation"]
CHANNELS = ["Phone", "E-mail", "Video"]
KINDS = ["Academic", "Public", "Special"]
ZONES = ["America/New_York", "America/Los_Angeles", "Europe/Berlin"]
WORDS = ["licensing", "budgets", "metadata", "teaching", "archives", "negotiation"]
DATES = ["", "", "2025-09-01", "2026-03-01"]


@pytest.fixture
def make_cohort() -> Callable[..., Cohort]:
    """Make a realistic cohort: a few coarse answers per question, so that there are many ties."""
    return _make_cohort


def _make_cohort(mentors: int, mentees: int, seed: int = 0, capacity: int = 3) -> Cohort:
    draw = random.Random(seed)

    def pick(options: list[str], number: int) -> str:
        return ";".join(draw.sample(options, number))

    def person(person_id: str, oldest: int) -> dict[str, Any]:
        return {
            "person_id": person_id,
            "institution": f"Institution {draw.randrange(max(mentors, 3))}",
            "library_type": draw.choice(KINDS),
            "years_experience": draw.randrange(0, oldest),
            "focus_areas": pick(FOCUS, 2),
            "channels": pick(CHANNELS, draw.randrange(1, 3)),
            "time_zone": draw.choice(ZONES),
            "languages": draw.choice(["English", "English;Spanish"]),
        }

    some_mentors = [
        person(f"M-{at:03}", 30)
        | {"capacity": draw.randrange(1, capacity + 1), "topics_offered": pick(TOPICS, 3)}
        | {"experience_text": " ".join(draw.sample(WORDS, 3))}
        for at in range(mentors)
    ]
    some_mentees = [
        person(f"E-{at:03}", 6)
        | {"desired_library_type": draw.choice([*KINDS, ""]), "topics_wanted": pick(TOPICS, 2)}
        | {"goals_text": " ".join(draw.sample(WORDS, 2)), "waiting_since": draw.choice(DATES)}
        for at in range(mentees)
    ]
    return pd.DataFrame(some_mentors), pd.DataFrame(some_mentees)
