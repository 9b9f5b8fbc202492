"""Crash points: the month is killed at every commit and call, run again to its end, and compared with the truth.

The month is first lived undisturbed, with a copy of the world kept before every stage, and every moment counted. A point
(stage, n) starts from the stage's copy in a forked process, dies by SIGKILL at the n-th moment, is looked at as it lies
there, and the flows run again to the end of the month. Belongs here: the points and runs with several kills. Does not
belong here: what must hold (`truth`).
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.proof import month, processes
from tests.proof.instruments import watch
from tests.proof.month import AFTERWARDS, STAGES, Stage
from tests.proof.truth import (
    Ending,
    Expected,
    Ledger,
    Standing,
    Violation,
    expect,
    list_always,
    list_in_the_end,
)
from tests.proof.worlds import World


@dataclass(frozen=True)
class Reference:
    """The undisturbed month: what it comes to, and the moments of each stage."""

    expected: Expected
    places: dict[str, list[str]]

    def list_points(self) -> list[tuple[int, int]]:
        """Every (stage, moment), moments counted from 1."""
        return [
            (number, moment)
            for number, stage in enumerate(STAGES)
            for moment in range(1, len(self.places[stage.name]) + 1)
        ]


def live_reference(world: World) -> Reference:
    """Live the month undisturbed, saving the world before each stage."""
    world.restore("start")
    places: dict[str, list[str]] = {}
    for number, stage in enumerate((*STAGES, AFTERWARDS)):
        world.save(f"before_{number}")
        outcome = processes.run(lambda stage=stage: _live(world, stage))
        if outcome.error:
            raise AssertionError(f"the undisturbed month fails in “{stage.name}”:\n{outcome.error}")
        places[stage.name] = outcome.value
    standing = world.look()
    found = list_in_the_end(standing, Ending(suppressed=month.SUPPRESSED))
    if found:
        raise AssertionError(f"the undisturbed month breaks a promise: {found}")
    return Reference(expect(standing), places)


def warm_up(world: World) -> None:
    """Live the month once in this process, so that its forks find every module imported and every template read."""
    for stage in (*STAGES, AFTERWARDS):
        _live(world, stage)
    world.restore("start")
    # Else every fork's collector touches, and thereby copies, all of it.
    gc.collect()
    gc.freeze()


def _live(world: World, stage: Stage, stop_at: int = 0) -> list[str]:
    world.provider.ask("set_time", stage.moment)
    with world.mutation(), watch(stop_at) as watched:
        month.run_stage(world.settings, stage)
    return watched.places


@dataclass(frozen=True)
class Point:
    """One interrupted month: from the copy before stage `first`, dying at these moments one after the other."""

    first: int
    moments: Sequence[int]
    senders: int = 4

    def __str__(self) -> str:
        return f"{STAGES[self.first].name}, moments {list(self.moments)}, {self.senders} senders"


def try_point(world: World, reference: Reference, point: Point) -> Ledger:
    """Live through one interrupted month; what was broken is in the ledger."""
    ledger = Ledger()
    world.senders = point.senders
    world.restore(f"before_{point.first}")
    doubtful: set[str] = set()
    first = point.first
    for moment in (*point.moments, 0):
        outcome = processes.run(lambda first=first, moment=moment: _live_from(world, first, moment))
        if not outcome.killed:
            break
        doubtful |= _look_after_kill(world, point, ledger)
        first = int(_progress(world).read_text())
    if outcome.error:
        _note(ledger, point, Violation("runs_again", outcome.error.strip().splitlines()[-1]))
    standing = world.look()
    ending = Ending(reference.expected, frozenset(doubtful), suppressed=month.SUPPRESSED)
    for violation in list_in_the_end(standing, ending):
        _note(ledger, point, violation)
    _count(ledger, standing)
    return ledger


def _progress(world: World) -> Path:
    return world.base / "stage"


def _live_from(world: World, first: int, stop_at: int) -> None:
    """Every run from this stage on, in one process, dying at the moment `stop_at`."""
    with world.mutation(), watch(stop_at):
        for number, stage in enumerate((*STAGES, AFTERWARDS)[first:], first):
            _progress(world).write_text(str(number))
            world.provider.ask("set_time", stage.moment)
            month.run_stage(world.settings, stage)


def _look_after_kill(world: World, point: Point, ledger: Ledger) -> set[str]:
    """What the dead process has left behind; returns what was on its way."""
    world.wait_until_free()
    world.provider.ask("wait_until_quiet")
    standing = world.look()
    for violation in list_always(standing):
        _note(ledger, point, violation)
    ledger.figures["kills"] += 1
    return {key for key, row in standing.messages.items() if row["state"] == "sending"}


def look(world: World, reference: Reference) -> Standing:
    """The world as the last situation left it."""
    return world.look()


def _note(ledger: Ledger, point: Point, violation: Violation) -> None:
    ledger.violations.append((str(point), violation))


def _count(ledger: Ledger, standing: Standing) -> None:
    ledger.figures["points"] += 1
    ledger.figures["messages"] += len(standing.messages)
    ledger.figures["accepted"] += len(standing.accepted)
    states = [row["state"] for row in standing.messages.values()]
    ledger.figures["unknown"] += states.count("unknown")


def list_single_kills(reference: Reference) -> list[Point]:
    """Every moment of the month; one sender and four take turns."""
    points = [Point(stage, (moment,)) for stage, moment in reference.list_points()]
    return [replace(point, senders=(1, 4)[number // 5 % 2]) for number, point in enumerate(points)]


def spread_single_kills(reference: Reference, count: int) -> list[Point]:
    """So many moments of the month, spread evenly over it; all of them if there are no more."""
    points = list_single_kills(reference)
    count = min(count, len(points))
    return [points[number * len(points) // count] for number in range(count)]


def draw_multi_kills(reference: Reference, seed: int, count: int) -> Iterator[Point]:
    """Months that die two to five times, drawn by the seed."""
    draw = random.Random(seed)
    for _ in range(count):
        first = draw.randrange(len(STAGES))
        moments = tuple(draw.randint(1, 90) for _ in range(draw.randint(2, 5)))
        yield Point(first, moments, draw.choice((1, 4)))
