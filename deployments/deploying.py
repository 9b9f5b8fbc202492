"""`mentoring deploy`: every flow into a Prefect server that workers serve, on many machines.

Belongs here: the work pool, the time zone of the program in the schedules, and handing `prefect.yaml` to Prefect. Does
not belong here: serving on one machine (`deployments.serving`), schedules and descriptions (`prefect.yaml`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from deployments.run_forms import list_cohorts, offer_choices
from deployments.serving import DEPLOYMENTS_FILE, read_deployments
from mentoring.errors import PlainError
from tasks.settings import load_settings, use_places_of_workers

WORK_POOL = "mentoring"
_ROOT = DEPLOYMENTS_FILE.parents[1]


class DeployingError(PlainError):
    """The flows could not be deployed; the text is one sentence with the mend."""


def deploy(
    folder: Path | None, program_on_workers: str | None = None, code_on_workers: str | None = None
) -> list[str]:
    """Deploy every flow of `prefect.yaml` to the server that PREFECT_API_URL names; returns their names.

    The schedules follow the program's time zone. `program_on_workers` and `code_on_workers` are the program folder and
    this project as the workers see them; without them they see what this machine sees. A schedule that was paused stays
    paused. Raises `SettingsError` or `DeployingError`.
    """
    settings = load_settings(folder)
    _require_server()
    _ensure_work_pool()
    text = DEPLOYMENTS_FILE.read_text(encoding="utf-8")
    zone = "timezone: &timezone "
    lines = [f"  {zone}{settings.program.time_zone}" if zone in line else line for line in text.splitlines()]
    use_places_of_workers(program_on_workers or str(settings.folder), code_on_workers or str(_ROOT))
    with TemporaryDirectory() as place:
        described = Path(place) / "prefect.yaml"
        described.write_text("\n".join(lines) + "\n", encoding="utf-8")
        _run_prefect("deploy", "--all", "--prefect-file", str(described))
    offer_choices(list_cohorts(settings.folder))
    return [item["name"] for item in read_deployments(all_of_them=True)]


def _require_server() -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    address = PREFECT_API_URL.value()
    if not address:
        raise DeployingError(
            "No Prefect server is named; set PREFECT_API_URL to its address, like http://the-server:4200/api."
        )
    with get_client(sync_client=True) as client:
        trouble = client.api_healthcheck()
    if trouble is not None:
        raise DeployingError(
            f"The Prefect server at {address} does not answer ({type(trouble).__name__}); start it, or correct "
            "PREFECT_API_URL."
        )


def _ensure_work_pool() -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError

    try:
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process"))
    except ObjectAlreadyExists:
        return
    except PrefectHTTPStatusError as error:
        raise DeployingError(
            f"The Prefect server refuses ({error.response.status_code}); set PREFECT_API_AUTH_STRING to the "
            "“name:password” that it was started with."
        ) from None


def _run_prefect(*words: str) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *words]
    done = subprocess.run(  # noqa: S603 - our own interpreter, fixed words
        command, cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise DeployingError(f"Prefect did not take the deployments: {' '.join(last) or 'it said nothing'}")
