"""An application that nobody has anything against, for any program.

Belongs here: one mentee's answers. Does not belong here: people in number (`deployments.sample_people`), texts that are
meant to do harm (`hostile_inputs`).
"""

from __future__ import annotations

from mentoring.form_headings import list_questions
from mentoring.program import Program


def list_good_answers(program: Program) -> dict[str, str]:
    """Answers of a mentee by field, none of which is wrong."""
    return {
        "submitted_at": "2027-01-12 09:14:03",
        "action": "Apply",
        "name": "Ana Ortiz",
        "years_experience": "2",
        "focus_areas": program.focus_areas[0],
        "topics_wanted": program.topics[0],
        "channels": "E-mail",
        "time_zone": next(iter(program.time_zones)),
        "languages": "English",
        "goals_text": "To learn.",
        "institution": "A library",
        "code_of_conduct": "I have read the Code of Conduct and agree to comply with it",
    }


def write_good_answers(program: Program) -> dict[str, str]:
    """The same by question."""
    questions = list_questions(program, "mentee")
    answers = list_good_answers(program) | {"submitted_at": "2027-01-12 09:14:03"}
    return {questions[name][0]: answer for name, answer in answers.items()}
