"""Rehearsals: the same seed plays the same year, nothing real is touched, promises hold, and a broken one is told."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.program_folders import SAMPLE
from deployments.rehearsal import Outcome, Rehearsal, rehearse, write_outcome
from tasks import erasure
from tasks.stage_mail import StageMail
from tests.flows.test_confirmations import ask_for_confirmation

SHORT = Rehearsal(people=3, seed=3, years=1, trouble="rough", is_short=True)


def play(rehearsal: Rehearsal) -> Outcome:
    return rehearse(rehearsal, SAMPLE)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return play(SHORT)


def test_a_rehearsal_keeps_every_promise_and_says_what_happened(outcome: Outcome) -> None:
    assert outcome.broken == ()
    words = "\n".join(write_outcome(outcome))
    assert "People: 3 applied" in words
    assert "Needed a person, decisions: " in words
    assert "✓ every invariant of the database" in words
    assert "Purged 2027 on 19 April 2029: 3 people went, 0 of a later year stayed." in words
    assert "✓ a year whose time is over keeps its figures and nobody's data" in words


def test_the_same_seed_plays_the_same_year_and_another_seed_another(outcome: Outcome) -> None:
    assert play(SHORT).lines == outcome.lines
    assert play(replace(SHORT, seed=4)).lines != outcome.lines


def test_nothing_real_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says of database and mail, a rehearsal stays on its stage."""
    shutil.copy(SAMPLE / "program.yaml", tmp_path)
    database = tmp_path / "real.sqlite"
    monkeypatch.setenv("MENTORING_DATABASE_URL", f"sqlite:///{database}")
    monkeypatch.setenv("MENTORING_MAIL", "smtp")
    monkeypatch.setenv("MENTORING_SMTP_URL", "smtp://127.0.0.1:9")
    before = hashlib.sha256((tmp_path / "program.yaml").read_bytes()).digest()
    assert rehearse(SHORT, tmp_path).broken == ()
    assert [path.name for path in tmp_path.iterdir()] == ["program.yaml"]
    assert hashlib.sha256((tmp_path / "program.yaml").read_bytes()).digest() == before


@pytest.mark.parametrize("confirmation", ["link", "verified_address"])
def test_a_year_in_which_applications_have_to_be_confirmed_keeps_every_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confirmation: str
) -> None:
    shutil.copy(SAMPLE / "program.yaml", tmp_path)
    ask_for_confirmation(tmp_path, confirmation)
    kinds, send = set(), StageMail.send

    def note(self: StageMail, message):
        kinds.add(message.kind)
        return send(self, message)

    monkeypatch.setattr(StageMail, "send", note)
    assert rehearse(SHORT, tmp_path).broken == ()
    assert {"introduction_mentor", "introduction_mentee", "monthly_topic"} <= kinds
    assert ("please_confirm" in kinds) is (confirmation == "link")


def test_a_purge_that_forgets_the_mail_is_told_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault planted in the purge: the text of the mail stays in the database."""
    monkeypatch.setattr(
        erasure, "_FORGET", tuple(name for name in erasure._FORGET if name != "forget_message_bodies")
    )
    broken = play(SHORT).broken
    assert any(
        "After the purge of 2027 on 2029-04-19, mentoring.sqlite still knows" in line for line in broken
    )


def test_mail_that_goes_out_twice_is_told_with_the_command_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fault planted in the provider: what it takes, it takes twice."""
    send = StageMail.send

    def send_twice(self: StageMail, message):
        send(self, message)
        return send(self, message)

    monkeypatch.setattr(StageMail, "send", send_twice)
    words = write_outcome(play(SHORT))
    assert any("was sent 2 times" in line for line in words)
    assert words[-1].endswith("mentoring rehearse --people 3 --seed 3 --years 1 --trouble rough --short")
