"""Proposals: the committee's decisions on matches, and the best proposal for everybody who is still free.

Belongs here: who takes part in a matching run, what holds, and how the engine's result becomes proposals.
Does not belong here: scores and the optimum (`mentoring.matching`), introductions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mentoring.calendar import end_of_day, local_day, name_day
from mentoring.changes import ApproveMatch, Change, ExplainMatch, HoldMatch, Plan, ProposeMatch, RejectMatch
from mentoring.cohort import Application, Cohort, Match
from mentoring.decisions import Decision, PairRules, Rows, read_match_decisions, read_pair_rules
from mentoring.desk import TabUpdate
from mentoring.policy import CRITERIA

if TYPE_CHECKING:
    import pandas as pd

    from mentoring.matching import Matching

_MENTOR_FIELDS = ("topics_offered", "experience_text")
_MENTEE_FIELDS = ("desired_library_type", "topics_wanted", "goals_text")
_FIELDS = (
    "institution",
    "library_type",
    "years_experience",
    "focus_areas",
    "channels",
    "time_zone",
    "languages",
)


def plan_match_decisions(cohort: Cohort, rows: Rows) -> tuple[list[Change], dict[str, str]]:
    """What the `Decision` column changes, and remarks by reference where a decision can't be carried out."""
    decisions = read_match_decisions(rows)
    changes: list[Change] = []
    remarks = dict(decisions.remarks)
    # A row that is not there says nothing, least of all that a hold is over.
    present = {row.get("Reference", "") for row in rows} - set(decisions.remarks)
    for match in cohort.matches.values():
        if match.match_id not in present:
            continue
        outcome = _decide(cohort, match, decisions.taken.get(match.match_id))
        if isinstance(outcome, str):
            remarks[match.match_id] = outcome
        elif outcome is not None:
            changes.append(outcome)
    return changes, remarks


def _decide(cohort: Cohort, match: Match, decision: Decision | None) -> Change | str | None:
    word = decision.word if decision else ""
    by = decision.by if decision else "the committee"
    if match.state == "proposed":
        gone = [key for key in match.pair if cohort.applications[key].state != "accepted"]
        if word == "Approve" and gone:
            return "One of the two is not accepted any more; see the Applications tab. No introduction."
        if word == "Approve":
            return ApproveMatch(match.match_id, by)
        if word == "Reject":
            return RejectMatch(match.match_id, "proposed", "committee", by)
        return (
            HoldMatch(match.match_id, int(word == "Hold"), by) if match.is_held != (word == "Hold") else None
        )
    if match.state == "approved" and word == "Reject":
        return RejectMatch(match.match_id, "approved", "committee", by)
    if match.state == "approved" and word == "Hold":
        return "Already approved. Reject stops it before the introduction."
    if match.state == "active" and word in ("Reject", "Hold"):
        return "The two are already introduced. To end the match, put a request into the request form."
    if match.state == "rejected" and match.reason == "committee" and word in ("Approve", "Hold"):
        return "The committee rejected this pair; it does not return."
    if match.state == "rejected" and word in ("Approve", "Hold"):
        return "This pair is no longer proposed. A Must pair rule on the Rules tab brings the two together."
    return None


@dataclass(frozen=True)
class _Roster:
    """Who is free, and what holds between them. Ids are those of applications; `held` has must-pairs, too."""

    mentors: Sequence[tuple[Application, int]]
    mentees: Sequence[Application]
    on_hold: frozenset[tuple[str, str]]
    held: frozenset[tuple[str, str]]
    never: frozenset[tuple[str, str]]
    earlier: frozenset[tuple[str, str]]


def plan_proposals(cohort: Cohort, match_rows: Rows, rule_rows: Rows, now: datetime) -> Plan:
    """Record the committee's decisions, then propose the optimum for everybody who is free.

    Approved and active pairs stay as they are; held pairs and must-pairs hold; pairs that the committee
    rejected and pairs of before never return. Proposals nobody decided on give way to better ones.
    """
    changes, _ = plan_match_decisions(cohort, match_rows)
    opening = end_of_day(cohort.settings.applications_close, cohort.program.zone)
    if now < opening:
        closes_on = name_day(cohort.settings.applications_close)
        line = f"Applications are open until {closes_on}; proposals follow after that day."
        return Plan(tuple(changes), counts={"proposed": 0}, waiting=(line,) if changes else ())
    if local_day(now, cohort.program.zone) > cohort.settings.ends:
        return Plan(tuple(changes), counts={"proposed": 0})
    rules = read_pair_rules(cohort, rule_rows)
    roster = _list_free(cohort, changes, rules)
    fixed_away = [c.match_id for c in changes if isinstance(c, (ApproveMatch, RejectMatch))]
    undecided = [match for match in cohort.list_matches("proposed") if match.match_id not in fixed_away]
    result, problem = _run_engine(cohort, roster)
    if result is None:
        return Plan(tuple(changes), counts={"proposed": 0}, waiting=(problem,))
    found = _read_result(result)
    proposals = _compare(cohort, changes, undecided, found)
    updates = (TabUpdate("Unmatched", _list_unmatched(cohort, result), remove_missing=True),)
    counts = {
        "proposed": sum(isinstance(change, ProposeMatch) for change in proposals),
        "replaced": sum(isinstance(change, RejectMatch) for change in proposals),
        "unmatched mentees": int((result.unmatched["role"] == "mentee").sum()),
        "free seats": int(result.summary["free_seats"]),
        **_count_decisions(changes),
    }
    open_rows = len(found) - len(roster.on_hold & set(found))
    waiting = (f"Proposals that wait for a decision on the Matches tab: {open_rows}.",) if open_rows else ()
    return Plan((*changes, *proposals), updates=updates, counts=counts, waiting=waiting)


def _count_decisions(changes: Sequence[Change]) -> dict[str, int]:
    return {
        "approved": sum(isinstance(change, ApproveMatch) for change in changes),
        "rejected": sum(isinstance(change, RejectMatch) for change in changes),
        "held": sum(isinstance(change, HoldMatch) and bool(change.is_held) for change in changes),
    }


def _list_free(cohort: Cohort, changes: Sequence[Change], rules: PairRules) -> _Roster:
    approved = {change.match_id for change in changes if isinstance(change, ApproveMatch)}
    rejected = {change.match_id for change in changes if isinstance(change, RejectMatch)}
    holds = {change.match_id: bool(change.is_held) for change in changes if isinstance(change, HoldMatch)}
    fixed = [
        match
        for match in cohort.matches.values()
        if match.match_id not in rejected
        and (match.state in ("approved", "active") or match.match_id in approved)
    ]
    taken_mentees = {match.mentee_application_id for match in fixed}
    mentors = [
        (
            mentor,
            mentor.capacity - sum(match.mentor_application_id == mentor.application_id for match in fixed),
        )
        for mentor in cohort.list_accepted("mentor")
    ]
    mentees = [
        mentee for mentee in cohort.list_accepted("mentee") if mentee.application_id not in taken_mentees
    ]
    held = {
        match.pair
        for match in cohort.list_matches("proposed")
        if holds.get(match.match_id, match.is_held) and match.match_id not in approved | rejected
    }
    turned_down = {
        match.pair
        for match in cohort.matches.values()
        if match.match_id in rejected or (match.state == "rejected" and match.reason == "committee")
    }
    never = frozenset(rules.never_pair | turned_down | _list_same_person(mentors, mentees))
    return _Roster(
        [(mentor, seats) for mentor, seats in mentors if seats > 0],
        mentees,
        frozenset(held),
        # A Never pair rule is stronger than a hold.
        _keep_present((held | rules.must_pair) - never, mentors, mentees),
        never,
        _list_earlier_pairs(cohort, mentors, mentees),
    )


def _keep_present(
    pairs: set[tuple[str, str]], mentors: Sequence[tuple[Application, int]], mentees: Sequence[Application]
) -> frozenset[tuple[str, str]]:
    here = {mentor.application_id for mentor, seats in mentors if seats > 0} | {
        item.application_id for item in mentees
    }
    return frozenset(pair for pair in pairs if set(pair) <= here)


def _list_same_person(
    mentors: Sequence[tuple[Application, int]], mentees: Sequence[Application]
) -> set[tuple[str, str]]:
    return {
        (mentor.application_id, mentee.application_id)
        for mentor, _ in mentors
        for mentee in mentees
        if mentor.person_id == mentee.person_id
    }


def _list_earlier_pairs(
    cohort: Cohort, mentors: Sequence[tuple[Application, int]], mentees: Sequence[Application]
) -> frozenset[tuple[str, str]]:
    this_year = {match.pair for match in cohort.list_matches("ended")}
    before = {
        (mentor.application_id, mentee.application_id)
        for mentor, _ in mentors
        for mentee in mentees
        if (mentor.person_id, mentee.person_id) in cohort.earlier_pairs
    }
    return frozenset(this_year | before)


def find_waiting_since(cohort: Cohort, mentee: Application) -> date:
    """The day from which a mentee's place in line counts; who waits longer is matched first.

    Somebody whose match ended goes before everybody who applied this year; somebody who waited through an
    earlier year keeps that year's place; everybody in time shares the closing day; a late application counts
    from its day.
    """
    settings = cohort.settings
    if mentee.person_id and mentee.person_id in cohort.waited_since:
        return cohort.waited_since[mentee.person_id]
    if any(mentee.application_id in match.pair for match in cohort.list_matches("ended")):
        return settings.applications_open - timedelta(days=1)
    return (
        local_day(mentee.received_at, cohort.program.zone) if mentee.is_late else settings.applications_close
    )


def _run_engine(cohort: Cohort, roster: _Roster) -> tuple[Matching | None, str]:
    from mentoring.matching import MatchingError, find_matches

    try:
        return find_matches(_tabulate_mentors(roster), _tabulate_mentees(cohort, roster), cohort.policy), ""
    except MatchingError as error:
        return None, f"No proposal could be made: {error}"


def _tabulate_mentors(roster: _Roster) -> pd.DataFrame:
    import pandas as pd

    rows = [
        _describe(mentor, _MENTOR_FIELDS)
        | _pairs_of(roster, mentor.application_id, 0, 1)
        | {"capacity": seats}
        for mentor, seats in roster.mentors
    ]
    columns = [
        "person_id",
        *_FIELDS,
        *_MENTOR_FIELDS,
        "never_pair",
        "must_pair",
        "earlier_partners",
        "capacity",
    ]
    return pd.DataFrame(rows, columns=columns)


def _tabulate_mentees(cohort: Cohort, roster: _Roster) -> pd.DataFrame:
    import pandas as pd

    rows = [
        _describe(mentee, _MENTEE_FIELDS)
        | _pairs_of(roster, mentee.application_id, 1, 0)
        | {"waiting_since": find_waiting_since(cohort, mentee).isoformat()}
        for mentee in roster.mentees
    ]
    columns = [
        "person_id",
        *_FIELDS,
        *_MENTEE_FIELDS,
        "never_pair",
        "must_pair",
        "earlier_partners",
        "waiting_since",
    ]
    return pd.DataFrame(rows, columns=columns)


def _describe(application: Application, extra: Sequence[str]) -> dict[str, Any]:
    return {"person_id": application.application_id} | {
        name: application.answers.get(name, "") for name in (*_FIELDS, *extra)
    }


def _pairs_of(roster: _Roster, own: str, mine: int, other: int) -> dict[str, str]:
    return {
        name: "; ".join(sorted(pair[other] for pair in pairs if pair[mine] == own))
        for name, pairs in (
            ("never_pair", roster.never),
            ("must_pair", roster.held),
            ("earlier_partners", roster.earlier),
        )
    }


def _read_result(result: Matching) -> dict[tuple[str, str], tuple[int, str]]:
    """Pair → points and explanation (JSON with ids for names)."""
    runner_ups: dict[str, list[str]] = {}
    for row in result.runner_ups.to_dict("records"):
        if row["role"] == "mentee":
            cost = (
                "a mentee fewer"
                if row["mentees_lost"]
                else f"{'' if row['cost_is_exact'] else 'at least '}{row['cost']} points"
            )
            runner_ups.setdefault(row["person_id"], []).append(f"{{{row['partner_id']}}} (costs {cost})")
    return {
        (row["mentor_id"], row["mentee_id"]): (
            int(row["points"]),
            json.dumps(
                {
                    "criteria": {name: int(row[name]) for name in CRITERIA},
                    "why": row["why"],
                    "watch_outs": row["watch_outs"],
                    "runner_ups": runner_ups.get(row["mentee_id"], []),
                },
                ensure_ascii=False,
                sort_keys=True,
            ),
        )
        for row in result.matches.to_dict("records")
    }


def _compare(
    cohort: Cohort,
    decided: Sequence[Change],
    undecided: Sequence[Match],
    found: Mapping[tuple[str, str], tuple[int, str]],
) -> list[Change]:
    """Turn the optimum into changes: pairs that stay, pairs that give way, new pairs on free seats."""
    staying = [match for match in undecided if match.pair in found]
    going = [match for match in undecided if match.pair not in found]
    explained = [
        ExplainMatch(match.match_id, *found[match.pair])
        for match in staying
        if (found[match.pair][0], json.loads(found[match.pair][1])) != (match.points, match.explanation)
    ]
    rejected = {change.match_id for change in decided if isinstance(change, RejectMatch)} | {
        m.match_id for m in going
    }
    used = {
        (match.mentor_application_id, match.seat)
        for match in cohort.matches.values()
        if match.is_live and match.match_id not in rejected
    }
    known = {match.pair for match in staying}
    had_match = {match.mentee_application_id for match in cohort.list_matches("ended")}
    proposed = []
    for number, pair in enumerate(sorted(set(found) - known), len(cohort.matches) + 1):
        seat = next(seat for seat in range(1, 6) if (pair[0], seat) not in used)
        used.add((pair[0], seat))
        match_id = f"{cohort.cohort_id}-match-{number:03d}"
        points, explanation = found[pair]
        proposed.append(
            ProposeMatch(match_id, pair[0], seat, pair[1], points, explanation, int(pair[1] in had_match))
        )
    superseded = [RejectMatch(match.match_id, "proposed", "superseded", None) for match in going]
    return [*superseded, *explained, *proposed]


def _list_unmatched(cohort: Cohort, result: Matching) -> list[dict[str, str | int]]:
    from mentoring.matching import name_people

    names = {key: cohort.name_of(key) for key in cohort.applications}
    return [
        {
            "Reference": row["person_id"],
            "Name": names[row["person_id"]],
            "Role": row["role"],
            "Why": name_people(row["reason"], names),
            "Smallest change": name_people(row["smallest_change"], names),
        }
        for row in result.unmatched.sort_values(["role", "person_id"]).to_dict("records")
    ]
