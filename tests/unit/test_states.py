"""The table of states: which moves there are, and that nothing else is one."""

from __future__ import annotations

import pytest

from mentoring.states import (
    END_REASONS,
    LIVE_MATCH_STATES,
    LIVES,
    START,
    IllegalTransitionError,
    check_transition,
    list_transitions,
)


def test_a_match_lives_as_the_design_says() -> None:
    moves = {(before, after) for life, before, after in list_transitions() if life == "match"}
    assert moves == {
        ("start", "proposed"),
        ("proposed", "approved"),
        ("proposed", "rejected"),
        ("approved", "active"),
        ("approved", "rejected"),
        ("active", "ended"),
    }
    assert {"completed", "withdrawn", "not_working_out"} == END_REASONS
    assert {"proposed", "approved", "active"} == LIVE_MATCH_STATES


def test_a_message_in_doubt_is_never_pending_again() -> None:
    assert LIVES["message"]["unknown"] == {"sent", "failed"}
    assert [before for before, after in LIVES["message"].items() if "pending" in after] == [START, "sending"]


@pytest.mark.parametrize("life", sorted(LIVES))
def test_every_state_is_reached_and_every_move_leads_to_a_state(life: str) -> None:
    moves = LIVES[life]
    reached, frontier = {START}, {START}
    while frontier:
        frontier = {after for state in frontier for after in moves[state]} - reached
        reached |= frontier
    assert reached == set(moves)


@pytest.mark.parametrize("life", sorted(LIVES))
def test_only_moves_of_the_table_are_allowed(life: str) -> None:
    for before in LIVES[life]:
        for after in LIVES[life]:
            if (life, before, after) in list_transitions():
                check_transition(life, before, after)
            else:
                with pytest.raises(IllegalTransitionError):
                    check_transition(life, before, after)


def test_a_refused_move_is_named() -> None:
    with pytest.raises(
        IllegalTransitionError, match=r"^A match that is “ended” cannot become “active”\.$"
    ) as caught:
        check_transition("match", "ended", "active")
    assert (caught.value.life, caught.value.before, caught.value.after) == ("match", "ended", "active")


def test_an_unknown_state_has_no_moves() -> None:
    with pytest.raises(IllegalTransitionError):
        check_transition("match", "nowhere", "active")
