"""What must hold: the program's tables, read by plain SQL, against the ground truth of the provider's stand-in.

Nothing here uses the program's own queries, checks or rules, so that a mistake in them can't hide itself. Belongs here:
reading the tables, and the promises as checks. Does not belong here: how a situation came about.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

_TABLES = (
    "applications",
    "mentor_seats",
    "matches",
    "messages",
    "requests",
    "people",
    "evaluations",
    "provider_events",
)
_INTRODUCTIONS = ("introduction_mentor", "introduction_mentee")
_FAREWELLS = ("match_ended", "partner_withdrew")
LIVE = ("proposed", "approved", "active")
#: A message in one of these never left the house.
UNSENT = ("pending", "cancelled", "expired", "suppressed")


@dataclass(frozen=True)
class Accepted:
    """One message that the provider took: our opaque id, the provider's, to whom, and which subject line."""

    message_id: str
    provider_id: str
    to: str
    subject: str


@dataclass(frozen=True)
class Standing:
    """Everything at one moment: the program's tables, and what the provider has accepted so far."""

    tables: Mapping[str, Sequence[Row]]
    accepted: Sequence[Accepted]

    @property
    def messages(self) -> dict[str, Row]:
        return {row["message_id"]: row for row in self.tables["messages"]}

    @property
    def counts(self) -> Counter[str]:
        return Counter(item.message_id for item in self.accepted)


@dataclass(frozen=True)
class Violation:
    """A broken promise: the check that saw it, and what it saw (opaque ids and states)."""

    check: str
    what: str


@dataclass(frozen=True)
class Expected:
    """What an uninterrupted run comes to: every state, and how often whom which mail reaches."""

    messages: frozenset[str]
    matches: Mapping[str, str]
    requests: Mapping[str, str]
    applications: Mapping[str, str]
    evaluations: int
    mails: Counter[tuple[str, str]]


def read_standing(url: str, accepted: Sequence[Accepted]) -> Standing:
    """The tables behind a database URL, past the program's own database module."""
    connection: Any
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.row_factory = sqlite3.Row
    else:
        import psycopg
        from psycopg.rows import dict_row

        connection = psycopg.connect(url, row_factory=dict_row)
    try:
        tables = {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in _TABLES
        }
    finally:
        connection.close()
    return Standing(tables, tuple(accepted))


def expect(standing: Standing) -> Expected:
    """The outcome to compare with. The committee's digest tells of doubts, so it comes when there are some."""
    digests = {key for key, row in standing.messages.items() if row["kind"] == "committee_digest"}
    return Expected(
        frozenset(standing.messages.keys() - digests),
        {row["match_id"]: f"{row['state']} {row['reason']}" for row in standing.tables["matches"]},
        {row["request_id"]: row["state"] for row in standing.tables["requests"]},
        {row["application_id"]: row["state"] for row in standing.tables["applications"]},
        len(standing.tables["evaluations"]),
        Counter((item.to, item.subject) for item in standing.accepted if item.message_id not in digests),
    )


def list_always(standing: Standing) -> list[Violation]:
    """What must hold at every moment, right after a kill as well."""
    return [
        Violation(check.__name__.strip("_"), what)
        for check in (
            _never_doubled,
            _nothing_unheard_of,
            _claimed_before_the_call,
            _sent_means_accepted,
            _one_message_per_key,
            _nobody_over_capacity,
            _no_state_without_its_message,
            _no_message_without_its_state,
            _nothing_to_the_erased,
        )
        for what in check(standing)
    ]


@dataclass(frozen=True)
class Ending:
    """What is known of a situation once everything has run to its end.

    `doubtful` are the messages that were on their way when a process died; only they may be unknown. `refused` may have
    failed, `suppressed` are addresses that the provider would drop.
    """

    expected: Expected | None = None
    doubtful: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    suppressed: frozenset[str] = frozenset()


def list_in_the_end(standing: Standing, ending: Ending) -> list[Violation]:
    """What must hold besides, when every run has come to its end."""
    found = list_always(standing)
    for check in (
        _nothing_left_halfway,
        _doubt_is_visible,
        _only_doubt_is_unknown,
        _nothing_lost,
        _as_expected,
    ):
        found += [Violation(check.__name__.strip("_"), what) for what in check(standing, ending)]
    found += [Violation("suppressed_are_spared", what) for what in _suppressed_are_spared(standing, ending)]
    return found


# At every moment


def _never_doubled(now: Standing) -> Iterator[str]:
    yield from (f"{key} was accepted {count} times" for key, count in now.counts.items() if count > 1)


def _nothing_unheard_of(now: Standing) -> Iterator[str]:
    """No mail without a message in the database, hence none without the change that caused it."""
    yield from (
        f"{key} went out, the database has no such message"
        for key in now.counts - Counter(now.messages.keys())
    )


def _claimed_before_the_call(now: Standing) -> Iterator[str]:
    for key in now.counts:
        row = now.messages.get(key)
        if row and row["state"] in UNSENT:
            yield f"{key} went out and is {row['state']}"


def _sent_means_accepted(now: Standing) -> Iterator[str]:
    provider_ids = {item.message_id: item.provider_id for item in now.accepted}
    reported = {(row["message_id"], row["event_id"]) for row in now.tables["provider_events"]}
    for key, row in now.messages.items():
        # The logs know it by the same id with a tail; what a report cleared up has the report's id.
        known = row["provider_id"] and row["provider_id"].split(".")[0] == provider_ids.get(key)
        if (
            row["state"] == "sent"
            and not known
            and not (key in provider_ids and (key, row["provider_id"]) in reported)
        ):
            yield f"{key} is sent as {row['provider_id'][:8]}, the provider knows {provider_ids.get(key)}"


def _one_message_per_key(now: Standing) -> Iterator[str]:
    names = ("cohort_id", "subject_id", "kind", "period", "recipient_id", "reissue")
    keys = Counter(tuple(row[name] for name in names) for row in now.tables["messages"])
    yield from (f"{key} is there {count} times" for key, count in keys.items() if count > 1)


def _nobody_over_capacity(now: Standing) -> Iterator[str]:
    live = [row for row in now.tables["matches"] if row["state"] in LIVE]
    offered = {
        row["application_id"]: int(json.loads(row["answers"]).get("capacity") or 0)
        for row in now.tables["applications"]
        if row["applicant_role"] == "mentor" and row["answers"] != "{}"
    }
    for key, count in Counter(row["mentor_application_id"] for row in live).items():
        if count > offered.get(key, 5):
            yield f"{key} has {count} mentees for {offered[key]} seats"
    for key, count in Counter(row["mentee_application_id"] for row in live).items():
        if count > 1:
            yield f"{key} has {count} mentors"


def _people_of(now: Standing, match: Row) -> list[str]:
    people = {row["application_id"]: row["person_id"] for row in now.tables["applications"]}
    return [people[match["mentor_application_id"]], people[match["mentee_application_id"]]]


def _told(now: Standing, kinds: Sequence[str]) -> set[tuple[str, str]]:
    return {
        (row["subject_id"], row["recipient_id"]) for row in now.tables["messages"] if row["kind"] in kinds
    }


def _no_state_without_its_message(now: Standing) -> Iterator[str]:
    introduced, parted = _told(now, _INTRODUCTIONS), _told(now, _FAREWELLS)
    erased = {row["person_id"] for row in now.tables["people"] if row["erased_at"]}
    for match in now.tables["matches"]:
        for person in _people_of(now, match):
            told = (match["match_id"], person)
            if match["state"] in ("active", "ended") and told not in introduced:
                yield f"{match['match_id']} is {match['state']}, {person} has no introduction"
            ended_early = match["state"] == "ended" and match["reason"] != "completed"
            if ended_early and told not in parted and not erased.intersection(_people_of(now, match)):
                yield f"{match['match_id']} has ended, {person} is not told"
    for request in now.tables["requests"]:
        if request["state"] == "confirmed":
            yield f"{request['request_id']} is confirmed and not carried out"


def _no_message_without_its_state(now: Standing) -> Iterator[str]:
    states = {row["match_id"]: (row["state"], row["reason"]) for row in now.tables["matches"]}
    applications = {row["application_id"] for row in now.tables["applications"]}
    for key, row in now.messages.items():
        state, reason = states.get(row["subject_id"], ("", ""))
        about = f"{row['kind']} {key}"
        if row["kind"] in _FAREWELLS and (state != "ended" or reason == "completed"):
            yield f"{about} tells the end of a match that is {state or 'unknown'}"
        elif row["kind"] in (
            *_INTRODUCTIONS,
            "monthly_topic",
            "heads_up",
            "check_in",
            "evaluation_invitation",
        ):
            if state not in ("active", "ended"):
                yield f"{about} is about a match that is {state or 'unknown'}"
        elif row["kind"] == "thanks" and not any(
            row["subject_id"] in (match["mentor_application_id"], match["mentee_application_id"])
            and match["reason"] == "completed"
            for match in now.tables["matches"]
        ):
            yield f"{about} thanks for no completed match"
        elif not state and row["subject_id"] not in applications | _list_subjects(now):
            yield f"{about} is about nothing"


def _list_subjects(now: Standing) -> set[str]:
    """What a message may be about besides a match and an application."""
    return {row["request_id"] for row in now.tables["requests"]} | {
        row["subject_id"] for row in now.tables["messages"] if row["kind"] == "committee_digest"
    }


def _nothing_to_the_erased(now: Standing) -> Iterator[str]:
    erased = {row["person_id"] for row in now.tables["people"] if row["erased_at"]}
    for key, row in now.messages.items():
        if row["recipient_id"] in erased and row["state"] in ("pending", "sending"):
            yield f"{key} is {row['state']} to somebody who was erased"


# In the end


def _nothing_left_halfway(now: Standing, ending: Ending) -> Iterator[str]:
    for key, row in now.messages.items():
        if row["state"] in ("pending", "sending"):
            yield f"{row['kind']} {key} is still {row['state']}"


def _doubt_is_visible(now: Standing, ending: Ending) -> Iterator[str]:
    """A message that was on its way is unknown, or was looked up: sent if it was accepted, failed if it was not."""
    for key in ending.doubtful:
        row = now.messages.get(key)
        allowed = {"unknown", "sent" if now.counts[key] else "failed"}
        if row is None or row["state"] not in allowed:
            yield f"{key} was on its way and is {row['state'] if row else 'gone'}"


def _only_doubt_is_unknown(now: Standing, ending: Ending) -> Iterator[str]:
    for key, row in now.messages.items():
        if row["state"] == "unknown" and key not in ending.doubtful:
            yield f"{key} is unknown, though nothing happened to it"


def _nothing_lost(now: Standing, ending: Ending) -> Iterator[str]:
    """Whatever is in no doubt, refused or suppressed has reached the provider."""
    people = {row["person_id"]: row["email"] for row in now.tables["people"]}
    for key, row in now.messages.items():
        excused = key in ending.doubtful | ending.refused or people[row["recipient_id"]] in ending.suppressed
        if not now.counts[key] and not excused and row["state"] not in ("expired", "cancelled"):
            yield f"{row['kind']} {key} is {row['state']} and never reached the provider"


def _as_expected(now: Standing, ending: Ending) -> Iterator[str]:
    """The same messages, states and mails as without any trouble."""
    if ending.expected is None:
        return
    found = expect(now)
    for name in ("messages", "matches", "requests", "applications", "evaluations"):
        was, is_now = getattr(ending.expected, name), getattr(found, name)
        if was != is_now:
            different = set(was) ^ set(is_now) if isinstance(was, frozenset) else f"{was} became {is_now}"
            yield f"{name} are not those of an undisturbed month: {different}"
    for (to, subject), count in (found.mails - ending.expected.mails).items():
        yield f"{count} more mail than without trouble to {to}: {subject}"


def _suppressed_are_spared(now: Standing, ending: Ending) -> Iterator[str]:
    yield from (
        f"{item.message_id} went to a suppressed address"
        for item in now.accepted
        if item.to in ending.suppressed
    )
    people = {row["person_id"]: row["email"] for row in now.tables["people"]}
    for key, row in now.messages.items():
        silenced = people[row["recipient_id"]] in ending.suppressed
        if silenced != (row["state"] == "suppressed") and row["state"] not in ("cancelled", "expired"):
            yield f"{key} is {row['state']}, its address is {'' if silenced else 'not '}suppressed"


@dataclass
class Ledger:
    """Adds up what the machine did, for the table."""

    figures: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[str, Violation]] = field(default_factory=list)

    def merge(self, other: Ledger) -> None:
        self.figures.update(other.figures)
        self.violations += other.violations
