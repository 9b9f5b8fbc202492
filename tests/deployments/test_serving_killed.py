"""“mentoring serve” killed in the middle of a run, and started again: the run is marked, its work is finished, once."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from many_machines import INTERFERENCE
from served_program import NO_SCHEDULES, ServedProgram, wait_until

from deployments.program_folders import make_program_folder, read_sample_responses
from tasks.mail_files import read_head

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

MORNING = "2027-02-20T14:00:00-05:00"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedProgram]:
    make_program_folder(tmp_path / "program", read_sample_responses())
    variables = {
        "PYTHONPATH": str(INTERFERENCE),
        "FAULT_FILE": str(tmp_path / "fault"),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    }
    served = ServedProgram(tmp_path / "program", variables=variables | NO_SCHEDULES)
    try:
        served.start()
        yield served
    finally:
        served.end()
        # Serving that found a server leaves it running, also one that an earlier serving had started.
        with suppress(CalledProcessError):
            os.kill(served.find_server(), signal.SIGTERM)


def count_mails(served: ServedProgram) -> Counter[str]:
    """How often each message went out, by the reference in its file."""
    return Counter(
        read_head(path)["X-Mentoring-Message"]
        for path in (served.folder / "mail").glob("*.eml")
        if "-operator_notice-" not in path.name
    )


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_run_is_marked_and_the_next_one_finishes_its_work(served: ServedProgram, tmp_path: Path) -> None:
    """Killed when some of the work is done; the run's own process lives on, and does no harm when it comes to its end."""
    (tmp_path / "fault").write_text("apply the decisions|hold")
    held = tmp_path / "fault.held"
    run = served.start_run("ingest-applications", as_of=MORNING)
    wait_until("the run at work", held.exists, seconds=240)
    [left_behind] = served.list_processes_of_runs()
    served.kill_serving()
    assert count_mails(served).total() == 0
    assert is_alive(left_behind)

    served.start()
    assert "Using the Prefect server that already answers" in " ".join(served.output.split())
    state = served.read_state(run)
    assert state["type"] == "CRASHED"
    assert "the next scheduled run finishes it, or click Retry" in state["message"]
    following = served.start_run("ingest-applications", as_of=MORNING)
    ended = served.wait_for_end(following)
    assert ended["type"] == "COMPLETED", ended
    done = count_mails(served)
    assert done.total() > 40
    assert set(done.values()) == {1}

    held.unlink()
    wait_until("the end of the process left behind", lambda: not is_alive(left_behind))
    assert count_mails(served) == done
    assert served.count_rows("SELECT count(*) FROM messages WHERE state <> 'sent'") == 0
    assert served.count_rows("SELECT count(*) FROM messages") == done.total()
    assert served.press_ctrl_c() == 0
