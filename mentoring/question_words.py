"""The words of questions: what fields are usually called, and how alike two questions are.

Belongs here: comparing texts of questions. Does not belong here: what is made of it (`mentoring.form_mapping`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from mentoring.cell_text import fold_text

#: What the questions are often called, besides what program.yaml calls them.
USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "submitted_at": ("Timestamp", "Zeitstempel", "Horodateur", "Marca temporal", "Informazioni cronologiche"),
    "email": ("Email address", "E-mail", "E-Mail-Adresse", "Adresse e-mail", "Correo electrónico"),
    "action": ("What would you like to do", "Apply or withdraw"),
    "name": ("Name", "Full name", "First and last name"),
    "pronouns": ("Pronouns",),
    "phone": ("Phone number", "Telephone number"),
    "institution": ("Institution", "Employer", "Place of work", "Where do you work"),
    "library_type": ("Type of library", "What type of library do you work in"),
    "years_experience": ("Years of experience", "How many years have you worked in libraries"),
    "career_stage": ("Career stage",),
    "focus_areas": ("Focus areas", "Areas of expertise", "Areas of interest"),
    "channels": ("How would you like to communicate", "How would you like to talk", "Ways to talk"),
    "time_zone": ("Time zone",),
    "languages": ("Languages", "Which languages do you speak"),
    "code_of_conduct": ("Code of Conduct", "I agree to the Code of Conduct"),
    "capacity": ("How many mentees can you take", "Number of mentees"),
    "topics_offered": ("Topics you can help with", "Topics"),
    "experience_text": ("Describe your experience", "Tell us about your work"),
    "desired_library_type": ("Type of library you would like to work in", "Desired type of library"),
    "topics_wanted": ("Topics you would like to talk about", "Rank the topics"),
    "goals_text": ("Goals", "What do you hope to gain", "What do you hope for"),
    "share_consent": ("What may your mentor see", "Which parts may we share"),
    "token": ("Reference",),
    "request": ("What would you like to tell us", "Your request"),
    "until": ("Until when would you like to pause", "Pause until"),
    "rematch": ("Would you like a new partner", "New match"),
    "comment": ("Comments", "Anything else"),
    "signal": ("How is it going",),
    "contacts": ("How many times have you talked", "Number of contacts"),
    "rhythm": ("How often shall we ask you", "How often should we ask"),
    "fallback": ("If your partner does not hear from you", "How can you be reached otherwise"),
    "quote_consent": ("May we quote you",),
}
#: Words that most questions have, whatever they ask for.
_EMPTY_WORDS = frozenset(
    {
        "a",
        "an",
        "and",
        "are",
        "at",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "have",
        "how",
        "i",
        "in",
        "is",
    }
    | {
        "it",
        "like",
        "may",
        "me",
        "my",
        "of",
        "on",
        "one",
        "or",
        "our",
        "please",
        "shall",
        "that",
        "the",
        "this",
        "to",
    }
    | {"us", "was", "we", "what", "when", "where", "which", "who", "will", "with", "would", "you", "your"}
)


@cache
def write_plainly(text: str) -> str:
    """Words in small letters, without marks and remarks like “(optional)”."""
    folded = unicodedata.normalize("NFKC", fold_text(text)).casefold().replace("e-mail", "email")
    without = re.sub(r"\((?:optional|required)\)|['’]s\b", "", folded)
    return " ".join(re.findall(r"\w+", without))


def compare_questions(one: str, other: str) -> float:
    """How alike two questions are, 0 to 1: 1 for the same words, else the share of words with a meaning."""
    if write_plainly(one) == write_plainly(other) != "":
        return 1.0
    mine, theirs = _list_words(one), _list_words(other)
    if not mine or not theirs:
        return 0.0
    return min(0.99, 2 * len(mine & theirs) / (len(mine) + len(theirs)))


@cache
def _list_words(text: str) -> frozenset[str]:
    words = write_plainly(text).split()
    # Singular and plural are one word.
    return (
        frozenset(word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words)
        - _EMPTY_WORDS
    )
