"""What the committee wrote on its desk, read into values: decisions, rules, topics, or what is unclear.

An unknown word is never guessed: it gets a remark in the row's own machine column. Belongs here: reading
people's columns. Does not belong here: what follows from a decision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from mentoring.cohort import Application, Cohort, Role
from mentoring.desk import MATCH_DECISIONS, MESSAGE_DECISIONS, REQUEST_DECISIONS, RULES

Rows = Sequence[Mapping[str, str]]
#: A rule's row as the committee wrote it: rule, mentor, mentee.
RuleKey = tuple[str, str, str]


@dataclass(frozen=True)
class Decision:
    """One decision in a row: what, and who (the committee's own words, or “the committee”)."""

    reference: str
    word: str
    by: str


@dataclass(frozen=True)
class Decisions:
    """Decisions by the row's reference, and remarks for rows whose decision can't be read."""

    taken: Mapping[str, Decision]
    remarks: Mapping[str, str]


def read_match_decisions(rows: Rows) -> Decisions:
    """Decisions on the `Matches` tab."""
    return _read_decisions(rows, MATCH_DECISIONS)


def read_request_decisions(rows: Rows) -> Decisions:
    """Decisions on the `Requests` tab."""
    return _read_decisions(rows, REQUEST_DECISIONS)


def read_message_decisions(rows: Rows) -> Decisions:
    """Decisions on the `Messages` tab."""
    return _read_decisions(rows, MESSAGE_DECISIONS)


def _read_decisions(rows: Rows, words: tuple[str, ...]) -> Decisions:
    taken: dict[str, Decision] = {}
    remarks: dict[str, str] = {}
    known = {word.casefold(): word for word in words}
    for row in rows:
        reference, written = row.get("Reference", ""), row.get("Decision", "")
        if not reference or not written:
            continue
        word = known.get(written.strip().rstrip(".!").casefold())
        if word is None:
            remarks[reference] = f"“{written[:30]}” is not a decision; choose {_join_words(words)}."
        elif reference in taken and taken[reference].word != word:
            remarks[reference] = (
                "This row is on the tab twice with different decisions; delete one of the two."
            )
        elif reference not in taken:
            taken[reference] = Decision(reference, word, row.get("Decided by", "").strip() or "the committee")
    for reference in remarks:
        taken.pop(reference, None)
    return Decisions(taken, remarks)


def _join_words(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


@dataclass(frozen=True)
class PairRules:
    """The `Rules` tab: pairs of application ids (mentor, mentee), and remarks and questions by the row's key."""

    must_pair: frozenset[tuple[str, str]] = frozenset()
    never_pair: frozenset[tuple[str, str]] = frozenset()
    what_if: Mapping[RuleKey, tuple[str, str]] = field(default_factory=dict)
    remarks: Mapping[RuleKey, str] = field(default_factory=dict)
    keys: Sequence[RuleKey] = ()


def read_pair_rules(cohort: Cohort, rows: Rows) -> PairRules:
    """Find the people of each rule by address or name; a rule that can't be used gets a remark."""
    pairs: dict[str, set[tuple[str, str]]] = {word: set() for word in RULES}
    remarks: dict[RuleKey, str] = {}
    meant: dict[RuleKey, tuple[str, str]] = {}
    what_if: dict[RuleKey, tuple[str, str]] = {}
    written = [(row.get("Rule", ""), row.get("Mentor", ""), row.get("Mentee", "")) for row in rows]
    keys = tuple(key for key in written if any(key))
    for key in keys:
        word = next((word for word in RULES if word.casefold() == key[0].strip().casefold()), None)
        mentor, mentee = _find_applicant(cohort, "mentor", key[1]), _find_applicant(cohort, "mentee", key[2])
        if word is None:
            remarks[key] = f"Choose {_join_words(RULES)} as the rule."
        elif isinstance(mentor, str) or isinstance(mentee, str):
            remarks[key] = " ".join(problem for problem in (mentor, mentee) if isinstance(problem, str))
        elif word == "Must pair" and mentor.person_id and mentor.person_id == mentee.person_id:
            remarks[key] = "The two are one person; choose somebody else or delete the rule."
        else:
            meant[key] = (mentor.application_id, mentee.application_id)
            pairs[word].add(meant[key])
            if word == "What if":
                what_if[key] = meant.pop(key)
            elif remark := _remark_on_rule(cohort, word, mentor, mentee):
                remarks[key] = remark
    both = pairs["Must pair"] & pairs["Never pair"]
    contradiction = "This pair must and must never be together; Never pair holds until one rule is deleted."
    remarks |= {key: contradiction for key, pair in meant.items() if pair in both}
    must, never = frozenset(pairs["Must pair"] - both), frozenset(pairs["Never pair"])
    return PairRules(must, never, what_if, remarks, keys)


def _remark_on_rule(cohort: Cohort, word: str, mentor: Application, mentee: Application) -> str:
    pair = (mentor.application_id, mentee.application_id)
    matches = [match for match in cohort.matches.values() if match.pair == pair]
    if word == "Never pair":
        too_late = any(match.state in ("approved", "active") for match in matches)
        return "Too late: the two are approved or introduced already." if too_late else ""
    if any(match.state == "rejected" and match.reason == "committee" for match in matches):
        return "The committee rejected this pair on the Matches tab; it does not return. Delete the rule."
    if not mentor.state == mentee.state == "accepted":
        return "The rule waits: one of the two is not accepted yet, see the Applications tab."
    if cohort.waits_for_confirmation(mentor) or cohort.waits_for_confirmation(mentee):
        return "The rule waits: one of the two has not confirmed the application, see the Applications tab."
    return ""


def _find_applicant(cohort: Cohort, role: Role, text: str) -> Application | str:
    """The application in force that an address or a name means, or a sentence if none or several do."""
    wanted = " ".join(text.split()).casefold()
    if not wanted:
        return f"Write the {role}'s e-mail address or name."
    found = [
        application
        for application in cohort.applications.values()
        if application.role == role
        and application.state in ("received", "accepted", "needs_attention")
        and wanted
        in (application.email.casefold(), application.name.casefold(), application.application_id.casefold())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        return f"Several {role}s have this name; write the e-mail address instead."
    return f"No {role} has this name or address; copy it from the Applications tab."


@dataclass(frozen=True)
class Topic:
    """The topic of a month as the committee wrote it."""

    period: str
    title: str
    prompts: Sequence[str]
    links: Sequence[str]


def read_topics(rows: Rows) -> tuple[dict[str, Topic], dict[str, str]]:
    """Topics by period (2027-03), and remarks by the `Month` cell for rows that can't be used."""
    topics: dict[str, Topic] = {}
    remarks: dict[str, str] = {}
    for row in rows:
        written = row.get("Month", "")
        period = _read_period(written)
        if period is None:
            remarks[written] = "Write the month as year and month, like 2027-03."
        elif not row.get("Topic", ""):
            remarks[written] = "Write what the month is about; until then nothing is sent for it."
        elif period in topics:
            remarks[written] = "This month is on the tab twice; the first row counts. Delete one of the two."
        else:
            bad = [
                link for link in _split_lines(row.get("Links", "")) if not re.match(r"\Ahttps?://\S+\Z", link)
            ]
            if bad:
                remarks[written] = (
                    "A link must be an address that starts with https://, one per line; the others are sent."
                )
            links = [link for link in _split_lines(row.get("Links", "")) if link not in bad]
            topics[period] = Topic(
                period, row["Topic"], tuple(_split_lines(row.get("Prompts", ""))), tuple(links)
            )
    return topics, remarks


def _read_period(text: str) -> str | None:
    found = re.match(r"\A(\d{4})-(\d{1,2})(?:-\d{1,2}(?: 00:00:00)?)?\Z", text.strip())
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[2]), 1).strftime("%Y-%m")
    except ValueError:
        return None


def _split_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
