"""A month killed at a few of its commits and calls, and run again; more of them in the two files beside this one."""

from __future__ import annotations

from tests.proof.crash_points import (
    draw_multi_kills,
    list_single_kills,
    look,
    spread_single_kills,
    try_point,
)
from tests.proof.nurseries import Prepared
from tests.proof.truth import Accepted, Ending, Standing, expect, list_in_the_end

SAMPLE = 12


def test_every_commit_and_call_is_a_point(prepared: Prepared) -> None:
    """A machine that sees nothing would find nothing."""
    reference = prepared.reference
    places = [place for stage in reference.places.values() for place in stage]
    assert len(reference.list_points()) >= 400
    # The committee's digest is no part of what a disturbed month is compared with.
    sent = sum(reference.expected.mails.values())
    assert sent >= 60
    for moment in ("before", "in flight", "reply 202 to"):
        assert sent <= places.count(f"{moment} POST /v3/mail/send") <= sent + 1
    assert sum("before the commit in ledger.apply_plan" in place for place in places) >= 8


def test_a_kill_loses_nothing_and_doubles_nothing(prepared: Prepared) -> None:
    reference = prepared.reference
    kills = 0
    for point in spread_single_kills(reference, SAMPLE):
        ledger = prepared.live(try_point, point)
        assert ledger.violations == []
        kills += ledger.figures["kills"]
    assert kills == SAMPLE


def test_several_kills_one_after_the_other_lose_nothing(prepared: Prepared) -> None:
    reference = prepared.reference
    for point in draw_multi_kills(reference, seed=11, count=2):
        assert prepared.live(try_point, point).violations == []


def test_the_truth_is_not_easily_satisfied(prepared: Prepared) -> None:
    """Each check fails on a month that breaks what it is there for."""
    reference = prepared.reference
    point = list_single_kills(reference)[0]
    assert prepared.live(try_point, point).violations == []
    good = prepared.live(look)
    messages = [dict(row) for row in good.tables["messages"]]
    sent = next(row for row in messages if row["state"] == "sent" and row["kind"] == "introduction_mentor")
    other = Accepted("unheard-of", "p", "nobody@example.org", "Hello")

    def look_with(accepted=good.accepted, **changes):
        rows = [{**row, **(changes if row["message_id"] == sent["message_id"] else {})} for row in messages]
        return Standing({**good.tables, "messages": rows}, accepted)

    def list_checks(standing, doubtful=frozenset()):
        found = list_in_the_end(standing, Ending(reference.expected, doubtful))
        return {violation.check for violation in found} - {"suppressed_are_spared", "nothing_lost"}

    double = [item for item in good.accepted if item.message_id == sent["message_id"]]
    assert list_checks(good) == set()
    assert {"never_doubled", "as_expected"} <= list_checks(look_with([*good.accepted, *double]))
    assert "nothing_unheard_of" in list_checks(look_with([*good.accepted, other]))
    assert "claimed_before_the_call" in list_checks(look_with(state="pending"))
    assert "nothing_left_halfway" in list_checks(look_with(state="sending"))
    assert "only_doubt_is_unknown" in list_checks(look_with(state="unknown"))
    assert "doubt_is_visible" in list_checks(look_with(state="failed"), frozenset({sent["message_id"]}))
    assert "sent_means_accepted" in list_checks(look_with([a for a in good.accepted if a not in double]))
    fewer = Standing({**good.tables, "messages": [row for row in messages if row != sent]}, good.accepted)
    assert {"no_state_without_its_message", "as_expected"} <= list_checks(fewer)
    undone = [{**row, "state": "approved"} for row in good.tables["matches"]]
    assert "no_message_without_its_state" in list_checks(
        Standing({**good.tables, "matches": undone}, good.accepted)
    )
    assert expect(good).messages == reference.expected.messages
