"""The whole proof: every point, fault, situation and mutant, shared out among processes, added up in one table.

Belongs here: how much is done and by whom, and the table. Does not belong here: any situation or check.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.proof import processes
from tests.proof.crash_points import (
    Reference,
    draw_multi_kills,
    live_reference,
    spread_single_kills,
    try_point,
    warm_up,
)
from tests.proof.month import STAGES
from tests.proof.mutants import MUTANTS, hunt
from tests.proof.servers import start_server
from tests.proof.situations import (
    FAULTS,
    SENDING,
    try_clocks,
    try_fault,
    try_paused_worker,
    try_restore,
    try_two_workers,
)
from tests.proof.truth import Ledger, Violation
from tests.proof.worlds import World, find_fast_folder, open_world

KINDS = ("sqlite", "postgresql")
#: A sender, its provider and the database wait for each other, so two workers would leave cores idle.
WORKERS = 4


@dataclass(frozen=True)
class Amount:
    """How much of everything: `points` crash points, spread over the month; `seed` draws what is random."""

    points: int = 400
    multi_kills: int = 20
    fault_positions: int = 2
    pairs: int = 6
    pauses: int = 8
    clocks: int = 4
    restores: int = 8
    seed: int = 20270301


def list_jobs(reference: Reference, amount: Amount) -> Iterator[tuple[str, Callable[[World], Ledger]]]:
    """Every situation as its row in the table and what to do."""
    seed = amount.seed
    for point in spread_single_kills(reference, amount.points):
        yield "crash points", lambda world, point=point: try_point(world, reference, point)
    for point in draw_multi_kills(reference, seed, amount.multi_kills):
        yield "several kills", lambda world, point=point: try_point(world, reference, point)
    # A fault must meet a message, and that is one of the introductions.
    last = reference.places[STAGES[0].name].count(SENDING) - 1
    for number, fault in enumerate(FAULTS):
        for position in (0, (seed + 7 * number) % last + 1)[: amount.fault_positions]:
            yield (
                "faults",
                lambda world, fault=fault, position=position: try_fault(world, reference, fault, position),
            )
    situations = (
        ("two workers", try_two_workers, amount.pairs),
        ("a paused worker", try_paused_worker, amount.pauses),
        ("jumping clocks", try_clocks, amount.clocks),
        ("a restored database", try_restore, amount.restores),
    )
    for name, situation, count in situations:
        for number in range(count):
            yield (
                name,
                lambda world, situation=situation, number=number: situation(world, reference, seed + number),
            )


@dataclass
class Result:
    """Ledgers by row of the table, mutants by name with the check that caught them, and the time it took."""

    rows: dict[str, Ledger]
    mutants: dict[str, str]
    seconds: float = 0.0

    @property
    def violations(self) -> list[tuple[str, Violation]]:
        return [item for ledger in self.rows.values() for item in ledger.violations]

    @property
    def survivors(self) -> list[str]:
        return [name for name, check in self.mutants.items() if not check]


@contextmanager
def prepare_world(kind: str, name: str, server: Any) -> Iterator[tuple[World, Reference]]:
    """A world that is warm and has its undisturbed month behind it."""
    with (
        tempfile.TemporaryDirectory(prefix="mentoring-proof-", dir=find_fast_folder()) as base,
        open_world(kind, name, Path(base) / "world", server) as world,
    ):
        warm_up(world)
        yield world, live_reference(world)


def prove(kind: str, amount: Amount, tell: Callable[[str], None] = print) -> Result:
    """Everything on one kind of database, with `WORKERS` processes that each have a world of their own."""
    began, used = time.perf_counter(), _count_processor_seconds()
    with start_server() if kind == "postgresql" else nullcontext() as server:
        children = [
            processes.start(lambda share=share: _work(kind, share, server, amount))
            for share in range(WORKERS)
        ]
        results = [child.wait(seconds=3600) for child in children]
    merged = Result({}, {}, time.perf_counter() - began)
    for result in results:
        if result.error or result.killed:
            raise RuntimeError(f"a worker of the proof broke off:\n{result.error}")
        for name, ledger in result.value.rows.items():
            merged.rows.setdefault(name, Ledger()).merge(ledger)
        merged.mutants |= result.value.mutants
    used = _count_processor_seconds() - used
    tell(f"{kind}: {merged.seconds:.0f} s, {used:.0f} s of processor time apart from a database server's")
    return merged


def _count_processor_seconds() -> float:
    """Of every process that was waited for: a busy machine makes the wall's clock tell little."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _work(kind: str, share: int, server: Any, amount: Amount) -> Result:
    result = Result({}, {})
    with prepare_world(kind, f"proof_{os.getpid()}", server) as (world, reference):
        for number, (row, job) in enumerate(list_jobs(reference, amount)):
            if number % WORKERS == share:
                ledger = result.rows.setdefault(row, Ledger())
                ledger.merge(job(world))
                ledger.figures["situations"] += 1
        if kind == "sqlite":
            for mutant in MUTANTS[share::WORKERS]:
                result.mutants[mutant.name] = hunt(world, reference, mutant)
    return result


def write_table(results: Mapping[str, Result]) -> str:
    """The table that `make prove` prints."""
    figures = ("situations", "kills", "messages", "accepted", "unknown")
    head = ("", *figures, "violations")
    lines: list[Sequence[str]] = [head]
    total: Counter[str] = Counter()
    for kind, result in results.items():
        for name, ledger in result.rows.items():
            counts = {**ledger.figures, "violations": len(ledger.violations)}
            total.update(counts)
            lines.append((f"{name}, {kind}", *(f"{counts.get(key, 0):,}" for key in head[1:])))
    lines.append(("together", *(f"{total[key]:,}" for key in head[1:])))
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    table = [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    ]
    mutants = {name: check for result in results.values() for name, check in result.mutants.items()}
    table += ["", f"mutants caught: {sum(map(bool, mutants.values()))} of {len(mutants)}"]
    table += [f"  {name.replace('_', ' ').ljust(34)}{check or 'SURVIVED'}" for name, check in mutants.items()]
    return "\n".join(table)
