"""Google's quota for runs of deployments: counted by a real Prefect server, for every process at once."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from google_program import add_desk, add_forms, make_settings
from stand_ins.google_sheets import GoogleStandIn

from tasks import google_client, google_pace
from tasks.google_pace import PREFECT_LIMITS, Pace, PrefectPace, open_pace
from tasks.google_sheets import GoogleSheets


def read_limit(kind: google_pace.CallKind) -> tuple[int, float, int]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        limit = client.read_global_concurrency_limit_by_name(PREFECT_LIMITS[kind])
    return limit.limit, limit.slot_decay_per_second, limit.active_slots


@pytest.fixture
def in_a_deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process works on a run of a deployment; the limits begin anew."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        for name in PREFECT_LIMITS.values():
            try:
                client.delete_global_concurrency_limit_by_name(name)
            except ObjectNotFound:
                continue
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "00000000-0000-0000-0000-000000000001")
    google_client._open_http.cache_clear()
    yield
    google_client._open_http.cache_clear()


def test_a_run_of_a_deployment_asks_the_server_and_everything_else_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(open_pace(tmp_path / "calls.json"), Pace)
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "00000000-0000-0000-0000-000000000001")
    assert isinstance(open_pace(tmp_path / "calls.json"), PrefectPace)


def test_each_call_to_google_takes_its_turn_on_the_server(tmp_path: Path, in_a_deployment: None) -> None:
    with GoogleStandIn() as google:
        settings = make_settings(google, tmp_path, add_forms(google), add_desk(google, "Rules"))
        GoogleSheets(settings).read_committee(["Rules"])
        GoogleSheets(settings).read_forms(["Mentor applications"])
        assert google.count_calls() == 2
    # Slots come free with time, so that a slow test sees fewer of the two.
    most, a_second, taken = read_limit("read")
    assert (most, a_second) == (20, 0.6)
    assert 0 <= taken <= 2
    assert read_limit("write")[2] == 0
    assert not list(tmp_path.glob("*.json"))


def test_in_any_minute_there_are_fewer_calls_than_google_allows() -> None:
    assert google_pace.BURST + 60 * google_pace.CALLS_A_SECOND < 60


def test_whoever_comes_too_early_waits(monkeypatch: pytest.MonkeyPatch, in_a_deployment: None) -> None:
    monkeypatch.setattr(google_pace, "BURST", 2)
    monkeypatch.setattr(google_pace, "CALLS_A_SECOND", 1.0)
    started = monotonic()
    # Two processes would hold two of these: the count is the server's.
    paces = [PrefectPace(), PrefectPace()]
    for turn in range(5):
        paces[turn % 2].wait_for_turn("read")
    assert monotonic() - started > 1.9, "two at once, the other three not before their second"
    assert read_limit("read")[:2] == (2, 1.0)


def test_what_the_operator_made_of_a_limit_stays(
    monkeypatch: pytest.MonkeyPatch, in_a_deployment: None
) -> None:
    PrefectPace()
    monkeypatch.setattr(google_pace, "BURST", 7)
    PrefectPace()
    assert read_limit("write")[0] == 20
