"""Proposals: the committee's decisions on matches, and the best proposal for everybody who is still free.

Belongs here: who takes part in a matching run, what holds, and how the engine's result becomes proposals.
Does not belong here: scores and the optimum (`mentoring.matching`), introductions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mentoring.calendar import end_of_day, local_day, name_day
from mentoring.changes import ApproveMatch, Change, ExplainMatch, HoldMatch, Plan, ProposeMatch, RejectMatch
from mentoring.cohort import Cohort, Match
from mentoring.decisions import Decision, PairRules, Rows, read_match_decisions, read_pair_rules
from mentoring.desk import TabUpdate, name_advice
from mentoring.match_review import PairingMap, draw_map
from mentoring.policy import Policy
from mentoring.proposed_pairs import read_result
from mentoring.rosters import Roster, add_fixed, list_fixed, list_free, tabulate_mentees, tabulate_mentors

if TYPE_CHECKING:
    import pandas as pd

    from mentoring.matching import Matching

    FindMatches = Callable[[pd.DataFrame, pd.DataFrame, Policy], Matching]


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
        if word == "Approve" and any(
            cohort.waits_for_confirmation(cohort.applications[key]) for key in match.pair
        ):
            return (
                "One of the two has not confirmed the application; see the Applications tab. No introduction."
            )
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


def plan_proposals(
    cohort: Cohort, match_rows: Rows, rule_rows: Rows, now: datetime, find: FindMatches | None = None
) -> Plan:
    """Record the committee's decisions, then propose the optimum for everybody who is free.

    `find` is `mentoring.matching.find_matches` with the options that a large cohort needs.

    Approved and active pairs stay as they are; held pairs and must-pairs hold; pairs that the committee
    rejected and pairs of before never return. Proposals nobody decided on give way to better ones.
    """
    changes, _ = plan_match_decisions(cohort, match_rows)
    opening = end_of_day(cohort.settings.applications_close, cohort.program.zone)
    if now < opening:
        closes_on = name_day(cohort.settings.applications_close)
        line = f"Applications are open until {closes_on}; proposals follow after that day."
        advice, pairing = _advise_early(cohort, changes, rule_rows, find)
        waiting = (line,) if changes else ()
        return Plan(tuple(changes), (), (advice,), {"proposed": 0}, waiting, pairing)
    if local_day(now, cohort.program.zone) > cohort.settings.ends:
        return Plan(tuple(changes), counts={"proposed": 0})
    rules = read_pair_rules(cohort, rule_rows)
    roster = list_free(cohort, changes, rules)
    fixed_away = [c.match_id for c in changes if isinstance(c, (ApproveMatch, RejectMatch))]
    undecided = [match for match in cohort.list_matches("proposed") if match.match_id not in fixed_away]
    tables = tabulate_mentors(roster), tabulate_mentees(cohort, roster)
    result, problem = _run_engine(cohort, *tables, find)
    if result is None:
        return Plan(tuple(changes), counts={"proposed": 0}, waiting=(problem,))
    found = read_result(result)
    proposals = _compare(cohort, changes, undecided, found)
    unmatched = [*_list_unmatched(cohort, result), *_list_wanted(cohort, result)]
    updates = [TabUpdate("Unmatched", unmatched, remove_missing=True)]
    if rules.keys:
        updates.append(TabUpdate("Rules", _answer_what_ifs(cohort, rules, *tables, result)))
    counts = {
        "proposed": sum(isinstance(change, ProposeMatch) for change in proposals),
        "replaced": sum(isinstance(change, RejectMatch) for change in proposals),
        "unmatched mentees": int((result.unmatched["role"] == "mentee").sum()),
        "free seats": int(result.summary["free_seats"]),
        **_count_decisions(changes),
        **_price_fixed(cohort, changes, roster, result, find),
    }
    open_rows = len(found) - len(roster.on_hold & set(found))
    waiting = (f"Proposals that wait for a decision on the Matches tab: {open_rows}.",) if open_rows else ()
    return Plan((*changes, *proposals), (), tuple(updates), counts, waiting, draw_map(result, *tables))


def _advise_early(
    cohort: Cohort, changes: Sequence[Change], rule_rows: Rows, find: FindMatches | None
) -> tuple[TabUpdate, PairingMap | None]:
    """While applications are open: which mentors to look for, and who could be with whom, so far."""
    roster = list_free(cohort, changes, read_pair_rules(cohort, rule_rows))
    tables = tabulate_mentors(roster), tabulate_mentees(cohort, roster)
    result, _ = _run_engine(cohort, *tables, find)
    wanted = TabUpdate("Unmatched", _list_wanted(cohort, result) if result else [], remove_missing=True)
    return wanted, draw_map(result, *tables) if result else None


def _price_fixed(
    cohort: Cohort, changes: Sequence[Change], free: Roster, found: Matching, find: FindMatches | None
) -> dict[str, int]:
    """What giving up the pairs that stay would gain; asked only where there is a pair that stays and a new one."""
    if found.matches.empty or not list_fixed(cohort, changes):
        return {}
    roster = add_fixed(cohort, changes, free)
    everybody, _ = _run_engine(cohort, tabulate_mentors(roster), tabulate_mentees(cohort, roster), find)
    if everybody is None:
        return {}
    gained = everybody.summary["reoptimisation"]
    return {
        "points to gain if no pair were kept": gained["points_gained"],
        "mentees to gain if no pair were kept": gained["mentees_gained"],
    }


def _count_decisions(changes: Sequence[Change]) -> dict[str, int]:
    return {
        "approved": sum(isinstance(change, ApproveMatch) for change in changes),
        "rejected": sum(isinstance(change, RejectMatch) for change in changes),
        "held": sum(isinstance(change, HoldMatch) and bool(change.is_held) for change in changes),
    }


def _run_engine(
    cohort: Cohort, mentors: pd.DataFrame, mentees: pd.DataFrame, find: FindMatches | None
) -> tuple[Matching | None, str]:
    from mentoring.matching import MatchingError, find_matches

    try:
        return (find or find_matches)(mentors, mentees, cohort.policy), ""
    except MatchingError as error:
        return None, f"No proposal could be made: {_name_all(cohort, str(error))}"


def _answer_what_ifs(
    cohort: Cohort, rules: PairRules, mentors: pd.DataFrame, mentees: pd.DataFrame, result: Matching
) -> list[dict[str, str | int]]:
    """The `Answer` of every rule: what pairing the two of a “What if” would cost, and who else would move."""
    from mentoring.matching import MatchingError, ask_what_if

    free = {*mentors["person_id"], *mentees["person_id"]}

    def answer(pair: tuple[str, str]) -> str:
        for key in pair:
            if key not in free:
                return f"{cohort.name_of(key)} is not free: not accepted, or in a match already."
        try:
            return _name_all(
                cohort, ask_what_if(mentors, mentees, cohort.policy, *pair, matching=result).sentence
            )
        except MatchingError as error:
            return _name_all(cohort, str(error))

    return [
        {
            "Rule": key[0],
            "Mentor": key[1],
            "Mentee": key[2],
            "Answer": answer(rules.what_if[key]) if key in rules.what_if else "",
        }
        for key in rules.keys
    ]


def _name_all(cohort: Cohort, sentence: str) -> str:
    from mentoring.matching import name_people

    return name_people(sentence, {key: cohort.name_of(key) for key in cohort.applications})


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


def _list_wanted(cohort: Cohort, result: Matching) -> list[dict[str, str | int]]:
    """The mentors to look for: under “Why” a call without names, beside it what such a mentor would change."""
    return [
        {
            "Reference": f"{name_advice(cohort.cohort_id)}{number}",
            "Name": "",
            "Role": "wanted",
            "Why": advice["call"],
            "Smallest change": _name_all(cohort, advice["sentence"]),
        }
        for number, advice in enumerate(result.summary["recruiting"], 1)
    ]
