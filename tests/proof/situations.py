"""What else may happen: a provider that fails, two workers, a paused one, wrong clocks, a database out of a backup.

Each function lives through one situation in a world and notes what was broken. Belongs here: the situations. Does not
belong here: kills at every moment (`crash_points`), wrong designs (`mutants`).
"""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from tasks.doubts import record_event
from tasks.mail_webhook import ProviderEvent
from tasks.restored import reconcile
from tasks.runs import Run
from tests.proof import month, processes
from tests.proof.crash_points import Reference
from tests.proof.instruments import watch
from tests.proof.month import AFTERWARDS, COHORT, STAGES, Stage
from tests.proof.truth import Ending, Ledger, Standing, Violation, list_always, list_in_the_end
from tests.proof.worlds import World

#: What must become of a message that meets the fault, from the provider's documentation and the design's promise.
SENT_LATER = ("too_many", "too_many_bare", "unauthorized", "forbidden", "refused", "dns", "tls")
FAILED = ("bad_request", "too_large")
DOUBTED = (
    *("timeout_before", "reset_before", "redirect", "unavailable_before"),
    *("timeout_after", "reset_after", "truncated", "slow_drip", "server_error", "bad_gateway"),
    *("unavailable_after", "without_id", "duplicate_event", "late_event"),
)
DROPPED = ("suppressed",)
FAULTS = (*SENT_LATER, *FAILED, *DOUBTED, *DROPPED)
#: These are no answers but places at which nobody answers, so they meet every message of the run.
UNREACHABLE = ("refused", "dns", "tls")
#: With these the answer never ends, so that somebody has to lose patience.
ENDLESS = ("timeout_before", "timeout_after", "slow_drip")
#: A run that is told that its key is no good stops at once and says so.
STOPPING = ("unauthorized", "forbidden")
HOUR = timedelta(hours=1)
#: The moment before a message is handed over.
SENDING = "before POST /v3/mail/send"


@contextmanager
def be_impatient() -> Iterator[None]:
    """Let the sender wait for an answer for two seconds instead of half a minute."""
    from tasks.sendgrid_calls import SendGridCalls

    with patch.object(SendGridCalls.__init__, "__defaults__", (10.0, 2.0)):
        yield


def run_stage(
    world: World,
    stage: Stage,
    moment: datetime | None = None,
    url: str = "",
    stop_at: int = 0,
    number: int = signal.SIGKILL,
    mutated: bool = True,
    patient: bool = True,
) -> list[str]:
    """One run in this process; returns the moments it passed."""
    settings = world.settings
    if url:
        from dataclasses import replace

        settings = replace(settings, sendgrid_url=url)
    world.provider.ask("set_time", moment or stage.moment)
    mutation = world.mutation() if mutated else nullcontext()
    patience = nullcontext() if patient else be_impatient()
    with patience, mutation, watch(stop_at, signal.Signals(number)) as watched:
        month.run_stage(settings, stage, moment)
    return watched.places


def finish(ledger: Ledger, name: str, world: World, ending: Ending) -> None:
    """Judge the end of a situation."""
    standing = world.look()
    ledger.violations += [(name, violation) for violation in list_in_the_end(standing, ending)]
    ledger.figures["messages"] += len(standing.messages)
    ledger.figures["accepted"] += len(standing.accepted)
    states = [row["state"] for row in standing.messages.values()]
    ledger.figures["unknown"] += states.count("unknown")


def _expect_error(ledger: Ledger, name: str, outcome: processes.Outcome, *allowed: str) -> str:
    """The name of the error with which a run ended; a violation unless it is one of those allowed."""
    error = outcome.error.strip().splitlines()[-1] if outcome.error else ""
    kind = error.split(":")[0].rpartition(".")[2]
    if kind and kind not in allowed:
        ledger.violations.append((name, Violation("ends_as_it_should", error)))
    return kind


# Faults of the provider


def try_fault(world: World, reference: Reference, fault: str, position: int) -> Ledger:
    """The introductions meet one fault at the message of this position (from 0); three later runs tidy up."""
    ledger, name = Ledger(), f"fault {fault} at message {position + 1}"
    world.restore("before_0")
    stage, url = STAGES[0], ""
    if fault in UNREACHABLE:
        url = world.provider.ask("address_for", fault)
    else:
        world.provider.ask("script", *([None] * position), fault)
    outcome = processes.run(lambda: run_stage(world, stage, url=url, patient=fault not in ENDLESS))
    stopped = _expect_error(
        ledger, name, outcome, *(("MailError",) if fault in (*STOPPING, *UNREACHABLE) else ())
    )
    if fault in STOPPING and not stopped:
        ledger.violations.append((name, Violation("says_why_it_stops", "the run ended well without a key")))
    world.provider.ask("wait_until_quiet")
    first = world.look()
    ledger.violations += [(name, violation) for violation in list_always(first)]
    hit = _find_hit(first)
    _judge_first(ledger, name, fault, hit, first)
    if fault in ("duplicate_event", "late_event"):
        _bring_events(world, late=fault == "late_event")
    # At the same time of day it is daytime for everybody.
    for hours in (1, 24, 48):
        again = processes.run(lambda hours=hours: run_stage(world, AFTERWARDS, stage.moment + hours * HOUR))
        _expect_error(ledger, name, again)
    doubtful = frozenset(hit) if fault in DOUBTED else frozenset()
    refused = frozenset(hit) if fault in FAILED else frozenset()
    finish(ledger, name, world, Ending(None, doubtful, refused, month.SUPPRESSED))
    last = world.look()
    left = {key for key in hit if not last.counts[key] and last.messages[key]["state"] != "suppressed"}
    if fault in SENT_LATER and left:
        ledger.violations.append(
            (name, Violation("nothing_lost", "a message that did not arrive was given up"))
        )
    ledger.figures["faults"] += 1
    return ledger


def _find_hit(standing: Standing) -> set[str]:
    """The messages with which something is wrong after the run, apart from those to people who get no mail."""
    return {key for key, row in standing.messages.items() if row["state"] not in ("sent", "suppressed")}


def _judge_first(ledger: Ledger, name: str, fault: str, hit: set[str], standing: Standing) -> None:
    states = {standing.messages[key]["state"] for key in hit}
    wanted = (
        {"pending"}
        if fault in SENT_LATER
        else {"failed"}
        if fault in FAILED
        else {"unknown"}
        if hit
        else set()
    )
    if fault in DOUBTED and fault != "truncated" and not hit:
        ledger.violations.append((name, Violation("doubt_is_visible", "the fault left no message in doubt")))
    if states - wanted:
        ledger.violations.append((name, Violation("fault_has_its_state", f"{states} instead of {wanted}")))
    if len(hit) > 1 and fault not in (*UNREACHABLE, *STOPPING):
        ledger.violations.append((name, Violation("others_go_on", f"{len(hit)} messages did not go out")))


def _bring_events(world: World, late: bool) -> None:
    """What the provider reports by itself; each report comes twice."""
    if late:
        world.provider.ask("release_late_events")
    database = Run("webhook", world.settings, COHORT, STAGES[0].moment, False).database
    for batch in world.provider.ask("take_events") * 2:
        for event in json.loads(batch):
            at = datetime.fromtimestamp(event["timestamp"], UTC)
            provider_id = event["sg_message_id"].partition(".")[0]
            names = event["sg_event_id"], event["mentoring_message"], event["event"]
            record_event(database, ProviderEvent(*names, at, provider_id))


# Two workers


def try_two_workers(world: World, reference: Reference, seed: int) -> Ledger:
    """A run dies with its messages queued; two processes come for them at once, then a third finishes the month."""
    ledger, name = Ledger(), f"two workers, seed {seed}"
    draw = random.Random(seed)
    # A run that takes in requests proposes matches anew, and there the second may well lose.
    first = draw.choice([n for n in _list_sending(reference) if STAGES[n].flow != "process-requests"])
    queued = reference.places[STAGES[first].name].index("after the commit in ledger.apply_plan") + 1
    world.restore(f"before_{first}")
    dead = processes.run(
        lambda: run_stage(world, STAGES[first], stop_at=queued, number=signal.SIGKILL, mutated=False)
    )
    if not dead.killed:
        ledger.violations.append((name, Violation("ends_as_it_should", dead.error or "it was not killed")))
    world.wait_until_free()
    world.provider.ask("set_latency", draw.choice([0.01, 0.03]))
    children = [processes.start(lambda: run_stage(world, STAGES[first])) for _ in range(2)]
    for child in children:
        # Who comes second finds the other one sending, and leaves it at that.
        _expect_error(ledger, name, child.wait())
    world.provider.ask("set_latency", 0.0)
    _live_on(world, ledger, name, first)
    finish(ledger, name, world, Ending(reference.expected, suppressed=month.SUPPRESSED))
    ledger.figures["kills"] += 1
    return ledger


def _list_sending(reference: Reference) -> list[int]:
    """Stages in which something is sent."""
    return [number for number, stage in enumerate(STAGES) if SENDING in reference.places[stage.name]]


def try_paused_worker(world: World, reference: Reference, seed: int) -> Ledger:
    """A worker stops in the middle of a call, another one comes, and the first goes on as if nothing had been.

    On PostgreSQL its connections are cut meanwhile, every other time, and with them its right to send.
    """
    draw = random.Random(seed)
    ledger, name = Ledger(), f"a paused worker, seed {seed}"
    stages = _list_sending(reference)
    first = draw.choice(stages)
    # A writer that is stopped within its transaction only makes the others wait, so one sender has to do.
    world.senders = 1
    places = [
        number
        for number, place in enumerate(reference.places[STAGES[first].name], 1)
        if place.endswith(SENDING.removeprefix("before "))
    ]
    world.restore(f"before_{first}")
    child = processes.start(
        lambda: run_stage(world, STAGES[first], stop_at=draw.choice(places), number=signal.SIGSTOP)
    )
    doubtful: frozenset[str] = frozenset()
    if child.wait_stopped():
        on_its_way = frozenset(key for key, row in world.look().messages.items() if row["state"] == "sending")
        is_cut = bool(world.server) and seed % 2 == 0
        if is_cut:
            world.server.cut_off(world.name)
            doubtful = on_its_way
        other = processes.run(lambda: run_stage(world, STAGES[first]))
        # The stop may come a moment late, within a transaction; then the other one gives up, visibly.
        if "has been kept busy by another run" not in other.error:
            _expect_error(ledger, name, other)
        child.send(signal.SIGCONT)
        allowed = ("DatabaseError", "LostLockError", "ChangedMeanwhileError") if is_cut else ()
        _expect_error(ledger, name, child.wait(), *allowed)
    else:
        child.wait()
    world.senders = 4
    _live_on(world, ledger, name, first)
    finish(ledger, name, world, Ending(reference.expected, doubtful, suppressed=month.SUPPRESSED))
    ledger.figures["pauses"] += 1
    return ledger


def _live_on(world: World, ledger: Ledger, name: str, first: int) -> None:
    for stage in (*STAGES[first:], AFTERWARDS):
        _expect_error(ledger, name, processes.run(lambda stage=stage: run_stage(world, stage)))


# Clocks


def try_clocks(world: World, reference: Reference, seed: int) -> Ledger:
    """A month whose clock jumps: every flow runs three times, hours apart in any order, across the change of clocks."""
    draw = random.Random(seed)
    ledger, name = Ledger(), f"jumping clocks, seed {seed}"
    world.restore("start")
    for stage in STAGES:
        moments = [stage.moment, *(stage.moment + draw.uniform(-5, 6) * HOUR for _ in range(2))]
        draw.shuffle(moments)
        for moment in moments:
            outcome = processes.run(lambda stage=stage, moment=moment: run_stage(world, stage, moment))
            _expect_error(ledger, name, outcome)
    # Some mail waited for its recipient's morning.
    for days in (0, 1):
        moment = AFTERWARDS.moment + timedelta(days=days)
        outcome = processes.run(lambda moment=moment: run_stage(world, AFTERWARDS, moment))
        _expect_error(ledger, name, outcome)
    finish(ledger, name, world, Ending(reference.expected, suppressed=month.SUPPRESSED))
    ledger.figures["clock months"] += 1
    return ledger


# Backups


def try_restore(world: World, reference: Reference, seed: int) -> Ledger:
    """The database comes out of a backup of some days ago: nothing goes out until the two are reconciled, nor twice."""
    draw = random.Random(seed)
    ledger, name = Ledger(), f"a restored database, seed {seed}"
    stages = _list_sending(reference)
    backup = draw.choice(stages)
    last = draw.randrange(backup, len(STAGES))
    world.restore(f"before_{backup}")
    for stage in STAGES[backup:last]:
        _expect_error(ledger, name, processes.run(lambda stage=stage: run_stage(world, stage)))
    moment = draw.choice([0, draw.randint(1, len(reference.places[STAGES[last].name]))])
    processes.run(lambda: run_stage(world, STAGES[last], stop_at=moment, number=signal.SIGKILL))
    world.wait_until_free()
    world.provider.ask("wait_until_quiet")
    doubtful = {key for key, row in world.look().messages.items() if row["state"] in ("sending", "unknown")}
    before = world.look().counts
    world.restore(f"before_{backup}", folder=False)
    blocked = processes.run(lambda: run_stage(world, STAGES[backup]))
    kind = _expect_error(ledger, name, blocked, "RestoredDatabaseError")
    if before - world.look_back(f"before_{backup}") and kind != "RestoredDatabaseError":
        ledger.violations.append(
            (name, Violation("a_restore_is_noticed", "the run after the restore went on"))
        )
    if world.look().counts != before:
        ledger.violations.append(
            (name, Violation("a_restore_blocks", "mail went out before it was reconciled"))
        )
    processes.run(lambda: _reconcile(world, STAGES[last].moment))
    _live_on(world, ledger, name, backup)
    finish(ledger, name, world, Ending(reference.expected, frozenset(doubtful), suppressed=month.SUPPRESSED))
    ledger.figures["restores"] += 1
    return ledger


def _reconcile(world: World, moment: datetime) -> dict[str, int]:
    with world.mutation():
        return reconcile(Run("reconcile", world.settings, COHORT, moment, False))
