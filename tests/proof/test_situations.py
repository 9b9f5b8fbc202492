"""Faults of the provider, two workers, a paused one, wrong clocks, restored databases, and designs that are wrong."""

from __future__ import annotations

import pytest

from tests.proof.mutants import MUTANTS, hunt
from tests.proof.nurseries import Prepared
from tests.proof.situations import (
    FAULTS,
    try_clocks,
    try_fault,
    try_paused_worker,
    try_restore,
    try_two_workers,
)
from tests.stand_ins.sendgrid import Fault

#: In the usual run; the other ones in the long one.
USUAL_FAULTS = ("too_many", "refused", "bad_request", "unauthorized", "reset_after", "redirect", "without_id")
USUAL_MUTANTS = ("lease_back_to_pending", "two_transactions", "redirect_is_success", "no_journal")


def mark_long(names: tuple[str, ...], usual: tuple[str, ...]) -> list[object]:
    return [pytest.param(name, marks=() if name in usual else pytest.mark.long) for name in names]


def test_every_fault_of_the_stand_in_is_tried() -> None:
    assert {str(fault) for fault in Fault} == set(FAULTS)
    assert len(FAULTS) >= 22


@pytest.mark.parametrize("fault", mark_long(FAULTS, USUAL_FAULTS))
def test_a_fault_has_its_state_and_stops_nobody_else(prepared_sqlite: Prepared, fault: str) -> None:
    for position in (0, 4):
        assert prepared_sqlite.live(try_fault, fault, position).violations == []


def test_two_workers_send_nothing_twice(prepared: Prepared) -> None:
    assert prepared.live(try_two_workers, 1).violations == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_paused_worker_sends_nothing_twice(prepared: Prepared, seed: int) -> None:
    assert prepared.live(try_paused_worker, seed).violations == []


def test_a_restored_database_sends_nothing_until_it_is_reconciled(prepared: Prepared) -> None:
    assert prepared.live(try_restore, 3).violations == []


def test_jumping_clocks_send_nothing_twice(prepared_sqlite: Prepared) -> None:
    assert prepared_sqlite.live(try_clocks, 1).violations == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_situations(prepared: Prepared) -> None:
    for situation in (try_two_workers, try_paused_worker, try_clocks, try_restore):
        for seed in range(100, 106):
            assert prepared.live(situation, seed).violations == []


@pytest.mark.parametrize("name", mark_long(tuple(mutant.name for mutant in MUTANTS), USUAL_MUTANTS))
def test_the_machine_catches_a_wrong_design(prepared_sqlite: Prepared, name: str) -> None:
    [mutant] = [item for item in MUTANTS if item.name == name]
    assert prepared_sqlite.live(hunt, mutant) != ""


def test_there_are_enough_wrong_designs() -> None:
    assert len({mutant.design for mutant in MUTANTS}) >= 10
