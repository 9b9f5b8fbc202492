"""The states of an application, a match, a pause, a message and a request, and the moves allowed between them.

One table per life. The database holds the same rows in `transition` and refuses every other move (a test
compares the two), so a state that this module does not allow cannot exist. Does not belong here: why a move
is made.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Where every life begins: the `previous_state` of a row that was just created.
START = "start"

LIVES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "application": {
        START: frozenset({"received"}),
        "received": frozenset({"accepted", "needs_attention", "duplicate", "withdrawn"}),
        "accepted": frozenset({"received", "duplicate", "withdrawn"}),
        "needs_attention": frozenset({"received", "duplicate", "withdrawn"}),
        "duplicate": frozenset(),
        "withdrawn": frozenset({"received"}),
    },
    "match": {
        START: frozenset({"proposed"}),
        "proposed": frozenset({"approved", "rejected"}),
        "approved": frozenset({"active", "rejected"}),
        "active": frozenset({"ended"}),
        "rejected": frozenset(),
        "ended": frozenset(),
    },
    # The match that pauses stays active. Its day came (elapsed), somebody asked earlier (resumed), or the match ended.
    "pause": {
        START: frozenset({"running"}),
        "running": frozenset({"elapsed", "resumed", "ended"}),
        "elapsed": frozenset(),
        "resumed": frozenset(),
        "ended": frozenset(),
    },
    "message": {
        START: frozenset({"pending"}),
        "pending": frozenset({"sending", "failed", "suppressed", "expired", "cancelled"}),
        "sending": frozenset({"sent", "pending", "failed", "unknown"}),
        "unknown": frozenset({"sent", "failed"}),
        "failed": frozenset(),
        "suppressed": frozenset(),
        "expired": frozenset(),
        "sent": frozenset(),
        "cancelled": frozenset(),
    },
    "request": {
        START: frozenset({"received"}),
        "received": frozenset({"confirmed", "declined", "unclear"}),
        "unclear": frozenset({"confirmed", "declined"}),
        "confirmed": frozenset({"done"}),
        "declined": frozenset(),
        "done": frozenset(),
    },
}

#: Why a match ended, or why a proposal was not taken up.
END_REASONS = frozenset({"completed", "withdrawn", "not_working_out"})
REJECT_REASONS = frozenset({"committee", "superseded", "applicant_withdrew"})

#: A match in one of these occupies the mentee and one seat of the mentor.
LIVE_MATCH_STATES = frozenset({"proposed", "approved", "active"})


class IllegalTransitionError(ValueError):
    """A move that no life allows."""

    def __init__(self, life: str, before: str, after: str) -> None:
        super().__init__(f"A {life} that is “{before}” cannot become “{after}”.")
        self.life, self.before, self.after = life, before, after


def check_transition(life: str, before: str, after: str) -> None:
    """Raise `IllegalTransitionError` unless `before` → `after` is a move of this life."""
    if after not in LIVES[life].get(before, frozenset()):
        raise IllegalTransitionError(life, before, after)


def list_transitions() -> list[tuple[str, str, str]]:
    """Every allowed move as (life, before, after), sorted: the rows of the database's `transition` table."""
    return sorted(
        (life, before, after) for life, moves in LIVES.items() for before in moves for after in moves[before]
    )
