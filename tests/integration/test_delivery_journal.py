"""The journal beside the database: what it keeps, how it survives a cut, and what it refuses to guess."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import delivery_journal
from tasks.delivery_journal import OUTCOMES, DeliveryJournal, Entry, JournalError


@pytest.fixture
def journal(tmp_path: Path) -> DeliveryJournal:
    return DeliveryJournal(tmp_path / "delivery.journal")


def read_again(journal: DeliveryJournal) -> dict[str, Entry]:
    return dict(DeliveryJournal(journal.path).read().entries)


def test_the_last_line_of_a_message_counts(journal: DeliveryJournal) -> None:
    journal.note_key("2027", "0123456789abcdef")
    journal.begin([("m1", 1), ("m2", 1)])
    journal.settle({"m1": Entry("accepted", 1, "p-1")})
    journal.begin([("m3", 2)])
    journal.close()
    assert read_again(journal) == {
        "m1": Entry("accepted", 1, "p-1"),
        "m2": Entry("begun", 1),
        "m3": Entry("begun", 2),
    }
    assert journal.read().keys == {"2027": "0123456789abcdef"}
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_no_journal_says_nothing(journal: DeliveryJournal) -> None:
    assert (journal.read().entries, journal.read().keys) == ({}, {})
    journal.close()
    assert not journal.path.exists()


def test_what_is_begun_is_on_the_disk_before_it_goes_out(
    journal: DeliveryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    journal.begin([("m1", 1)])
    assert synced[-1] == journal.path.stat().st_size == len(b"begun m1 1\n")
    journal.settle({"m1": Entry("accepted", 1, "p")})
    assert synced[-1] < journal.path.stat().st_size
    journal.settle({"m1": Entry("returned", 1)})
    assert synced[-1] == journal.path.stat().st_size
    journal.close()


@given(cut=st.integers(0, 200))
def test_a_line_that_was_cut_off_counts_for_nothing(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    journal = DeliveryJournal(tmp_path_factory.mktemp("journal") / "delivery.journal")
    journal.begin([("m1", 1), ("m2", 1)])
    journal.settle({"m1": Entry("accepted", 1, "p-1"), "m2": Entry("unknown", 1)})
    journal.close()
    content = journal.path.read_bytes()[:cut]
    journal.path.write_bytes(content)
    whole = content.count(b"\n")
    states = [entry.event for _, entry in sorted(read_again(journal).items())]
    expected = [[], ["begun"], ["begun", "begun"], ["accepted", "begun"], ["accepted", "unknown"]]
    assert states == expected[whole]
    journal.begin([("m3", 1)])
    journal.close()
    assert read_again(journal)["m3"] == Entry("begun", 1)
    assert len(read_again(journal)) == len(states) + 1


@pytest.mark.parametrize("line", ["sent m1 1 p", "begun", "begun m1", "begun m1 first", "", "key", "\x00"])
def test_a_line_that_is_not_ours_stops_everything(journal: DeliveryJournal, line: str) -> None:
    journal.path.write_text(f"begun m1 1\n{line}\nbegun m2 1\n")
    with pytest.raises(
        JournalError, match=r"delivery.journal can't be read at line 2; nothing is sent without it"
    ):
        journal.read()


@given(provider_id=st.text(max_size=60), event=st.sampled_from(OUTCOMES), attempt=st.integers(1, 9))
def test_whatever_a_provider_calls_its_id_stays_on_one_line(
    tmp_path_factory: pytest.TempPathFactory, provider_id: str, event: str, attempt: int
) -> None:
    journal = DeliveryJournal(tmp_path_factory.mktemp("journal") / "delivery.journal")
    journal.settle({"m1": Entry(event, attempt, provider_id), "m2": Entry("accepted", 1, "p")})
    journal.close()
    entries = read_again(journal)
    assert (entries["m1"].event, entries["m1"].attempt) == (event, attempt)
    assert entries["m2"] == Entry("accepted", 1, "p")
    if provider_id.strip() and provider_id.isascii() and provider_id.isprintable():
        assert entries["m1"].provider_id == "_".join(provider_id.split())


def test_a_long_journal_becomes_one_line_a_message_and_forgets_nothing(
    journal: DeliveryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_journal, "_PATIENCE", 10)
    journal.note_key("2027", "abc")
    for number in range(40):
        journal.begin([(f"m{number}", 1)])
        journal.settle({f"m{number}": Entry("accepted", 1, f"p-{number}")})
    journal.close()
    before = journal.read()
    journal.compact(before)
    after = journal.read()
    assert (after.entries, after.keys, after.lines) == (before.entries, before.keys, 41)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert [path.name for path in journal.path.parent.iterdir()] == ["delivery.journal"]
    journal.compact(after)
    journal.begin([("new", 1)])
    journal.close()
    assert journal.read().entries["new"] == Entry("begun", 1)


def test_a_full_disk_is_one_sentence(journal: DeliveryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(
        JournalError, match=r"can't be used \(no space left on device\), and nothing is sent without"
    ):
        journal.begin([("m1", 1)])


def test_half_a_line_that_a_full_disk_left_is_no_line(
    journal: DeliveryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.begin([("m1", 1)])
    real = journal._file
    assert real is not None

    class Full:
        def write(self, content: bytes) -> int:
            if len(content) > 10:
                return real.write(content[:10])
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            real.close()

    monkeypatch.setattr(journal, "_file", Full())
    with pytest.raises(JournalError):
        journal.begin([("m2-with-a-long-name", 1)])
    assert not journal.path.read_bytes().endswith(b"\n")
    journal.settle({"m1": Entry("accepted", 1, "p")})
    journal.close()
    assert read_again(journal) == {"m1": Entry("accepted", 1, "p")}
