"""The program folder: `program.yaml`, the environment and the `.env` file beside it, as one value.

The only module that reads the environment. Secrets are kept as `SecretStr`: no repr, log or traceback shows one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

import yaml
from pydantic import SecretStr, ValidationError

from mentoring.errors import PlainError
from mentoring.program import MailBackendName, Program, SheetsBackend, describe_mend

PROGRAM_FILE = "program.yaml"
#: The compiled loader is ten times as fast.
_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDER_VARIABLE = "MENTORING_PROGRAM"
CODE_VARIABLE = "MENTORING_CODE"
_PREFIX = "MENTORING_"
#: A value like `prefect:secret/sendgrid-key` names a Secret block, `prefect:variable/mail` a variable, of Prefect.
_BLOCK = re.compile(r"prefect:(?P<kind>secret|variable)/(?P<name>[\w.-]+)\Z")
#: Prefect's folder of a program that is served on one machine.
PREFECT_FOLDER = ".prefect"
#: The database of a private server, in its folder.
PRIVATE_DATABASE = "prefect.db"
_ADDRESS_NOTE = "address"
SENDGRID_URL = "https://api.sendgrid.com"


class SettingsError(PlainError):
    """The configuration can't be used; the text is one sentence with the mend."""


@dataclass(frozen=True)
class Settings:
    """Everything that a run needs to know of its program.

    `database_url` is `sqlite:///…` or `postgresql://…`; it may carry a password and is therefore secret.
    `google_service_account` is JSON text or the path of a file that holds it; `smtp_url` is
    `smtp://name:password@host:port` or `smtps://…`. `dask` is the address of a Dask scheduler, or `local`. What the
    chosen backends do not need may be absent. `sources` says for every variable that is set where its value came
    from, in words. `opened` are the cohorts of the program that the committee opened on its tab, each with the one that
    it follows.
    """

    folder: Path
    program: Program
    database_url: SecretStr
    sheets: SheetsBackend
    mail: MailBackendName
    sendgrid_api_key: SecretStr | None = None
    sendgrid_url: str = SENDGRID_URL
    sendgrid_webhook_key: str | None = None
    smtp_url: SecretStr | None = None
    google_service_account: SecretStr | None = None
    google_api_url: str | None = None
    dask: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    opened: Mapping[str, str] = field(default_factory=dict)


def find_program_folder(folder: Path | None = None) -> Path:
    """Return `folder`, else what MENTORING_PROGRAM names, else the current folder."""
    return (folder or Path(os.environ.get(FOLDER_VARIABLE) or ".")).resolve()


def use_program_folder(folder: Path) -> None:
    """Make `folder` the program folder of this process and of those that it starts, Prefect's flow runs included."""
    os.environ[FOLDER_VARIABLE] = str(folder.resolve())


def use_places_of_workers(folder: str, code: str) -> None:
    """Let a process that this one starts write into deployments where workers find the program folder and the code."""
    os.environ.update({FOLDER_VARIABLE: folder, CODE_VARIABLE: code})


def use_private_prefect(home: Path, address: str) -> None:
    """Point this process, and those that it starts, at a Prefect server of its own, with its database in `home`.

    Must come before Prefect is imported: it reads its settings then.
    """
    os.environ.update(
        {
            "PREFECT_HOME": str(home),
            "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
            "PREFECT_API_URL": address,
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / PRIVATE_DATABASE}",
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
            "PREFECT_UI_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }
    )
    for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"):
        os.environ.pop(name, None)
    # Services that a simulated year does not need, and that would share its two cores.
    for service in ("SCHEDULER", "LATE_RUNS", "TRIGGERS", "EVENT_PERSISTER", "FOREMAN", "REPOSSESSOR"):
        os.environ[f"PREFECT_SERVER_SERVICES_{service}_ENABLED"] = "false"
    # Recorded one by one, steps lock the database under a run that wants to begin, which then waits for seconds.
    os.environ["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE"] = "200"


def use_serving_prefect(home: Path, address: str, password: SecretStr | None) -> None:
    """Point this process, and those that it starts, at the Prefect server at `address`, whose files are in `home`.

    A server that is started here gets the same settings. Must come before Prefect is imported: it reads them then.
    """
    os.environ.update(
        {
            "PREFECT_HOME": str(home),
            "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
            "PREFECT_API_URL": address,
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # Relative: right under every name of the machine, and no other page of the operator's browser gets in.
            "PREFECT_SERVER_UI_API_URL": "/api",
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": address.removesuffix("/api"),
            "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        }
    )
    if password:
        for name in ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"):
            os.environ[name] = password.get_secret_value()
    habits = {
        # The new UI asks an analytics host, the classic one nobody.
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_RUNNER_POLL_FREQUENCY": "5",
        # Recorded one by one, steps lock the database under a run that wants to begin, which then waits for seconds;
        # recorded once a second, they still show while a run is going on.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        # A hundred and fifty runs a day: without this the history grows for ever.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 24 * 3600),
    }
    for name, value in habits.items():
        os.environ.setdefault(name, value)


def read_server_password(folder: Path) -> SecretStr | None:
    """“name:password” of the Prefect server, from the environment or the `.env` of the program folder; None without."""
    from dotenv import dotenv_values

    values = {**dotenv_values(folder / ".env"), **os.environ}
    password = values.get("PREFECT_SERVER_API_AUTH_STRING")
    return SecretStr(password) if password else None


def note_prefect_address(folder: Path, address: str) -> None:
    """Note in Prefect's folder of a program where the API is that its runs are recorded by."""
    note = folder / PREFECT_FOLDER / _ADDRESS_NOTE
    note.touch(mode=0o600)
    note.write_text(f"{address}\n", encoding="utf-8")


def find_prefect_address(folder: Path) -> str | None:
    """Where the API is that PREFECT_API_URL names, else the one that was noted last; None without."""
    note = folder / PREFECT_FOLDER / _ADDRESS_NOTE
    noted = note.read_text(encoding="utf-8").strip() if note.exists() else None
    return os.environ.get("PREFECT_API_URL") or noted


def load_settings(folder: Path | None = None) -> Settings:
    """Read the program folder. Raises `SettingsError` with a sentence for the first thing that is wrong."""
    place = find_program_folder(folder)
    program = read_program(place / PROGRAM_FILE)
    values, sources = _read_variables(place)
    return Settings(
        folder=place,
        program=program,
        database_url=SecretStr(
            _check_database_url(values.get("DATABASE_URL") or f"sqlite:///{place / 'mentoring.sqlite'}")
        ),
        sheets=cast(
            "SheetsBackend",
            _choose("MENTORING_SHEETS", values.get("SHEETS", program.sheets), get_args(SheetsBackend)),
        ),
        mail=cast(
            "MailBackendName",
            _choose("MENTORING_MAIL", values.get("MAIL", program.mail), get_args(MailBackendName)),
        ),
        sendgrid_api_key=_keep_secret(values.get("SENDGRID_API_KEY")),
        sendgrid_url=values.get("SENDGRID_URL", SENDGRID_URL).rstrip("/"),
        sendgrid_webhook_key=values.get("SENDGRID_WEBHOOK_KEY"),
        smtp_url=_keep_secret(values.get("SMTP_URL")),
        google_service_account=_keep_secret(values.get("GOOGLE_SERVICE_ACCOUNT")),
        google_api_url=values.get("GOOGLE_API_URL"),
        dask=values.get("DASK"),
        sources=sources,
    )


def read_dask_address() -> str | None:
    """Where `mentoring match`, which has no program folder, scores its blocks; None: on this machine's threads."""
    return os.environ.get(f"{_PREFIX}DASK") or None


def _keep_secret(value: str | None) -> SecretStr | None:
    return SecretStr(value) if value else None


def read_program(path: Path) -> Program:
    """Read `program.yaml`. Raises `SettingsError` naming the key and the mend."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_SafeLoader)  # noqa: S506 - it is the safe one
    except FileNotFoundError:
        raise SettingsError(
            f"There is no {PROGRAM_FILE} in {path.parent}; go to the program's folder, name it with --program, "
            "or make one with “mentoring init DIR”."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" near line {mark.line + 1}" if mark else ""
        raise SettingsError(
            f"{path.name} can't be read{line}: check indentation, colons and quotes there."
        ) from None
    except ValueError as error:
        # YAML makes a date of everything that looks like one, and there is no 30 February.
        raise SettingsError(
            f"{path.name} has a day that does not exist ({error}); write one like 2027-03-01."
        ) from None
    if not isinstance(data, dict):
        raise SettingsError(
            f"{path.name} is empty or not a list of settings; start from “mentoring init DIR”."
        )
    try:
        return Program.model_validate(data)
    except ValidationError as error:
        raise SettingsError(describe_first_error(path.name, error)) from None


def describe_first_error(name: str, error: ValidationError) -> str:
    """The first thing that is wrong in a file of settings, as one sentence with the key and the mend."""
    first = error.errors(include_url=False, include_context=False)[0]
    key = " → ".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
    if first["type"] == "extra_forbidden":
        return f"{name} has the unknown key “{key}”; remove it or correct its spelling."
    if first["type"] == "missing":
        return f"{name} lacks “{key}”; add it."
    more = len(error.errors()) - 1
    return f"{name}, “{key}”: {describe_mend(first['type'], first['msg'])}" + (
        f" ({more} more to mend after this.)" if more else ""
    )


def _read_variables(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Values by name without the prefix, and where each came from by its full name."""
    from dotenv import dotenv_values

    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for found, source in ((dotenv_values(folder / ".env"), ".env"), (os.environ, "environment")):
        for name, value in found.items():
            if name.startswith(_PREFIX) and value:
                values[name.removeprefix(_PREFIX)], sources[name] = value, source
    for name, value in values.items():
        if match := _BLOCK.match(value):
            values[name] = _read_block(_PREFIX + name, match["kind"], match["name"])
            sources[_PREFIX + name] += f", which names the Prefect {match['kind']} “{match['name']}”"
    return values, sources


def _read_block(variable: str, kind: str, name: str) -> str:
    from prefect.variables import Variable

    try:
        value = Variable.get(name) if kind == "variable" else _read_secret(name)
    except ValueError:
        value = None
    except Exception as error:  # noqa: BLE001 – whatever it was, the text may repeat an address with a password
        raise SettingsError(
            f"{variable} names a Prefect {kind}, and the Prefect server did not give it ({type(error).__name__}); "
            "check PREFECT_API_URL, or write the value into .env."
        ) from None
    if not isinstance(value, str) or not value:
        raise SettingsError(
            f"{variable} names the Prefect {kind} “{name}”, which is not there or holds no text; make it in the "
            "Prefect UI, or write the value into .env."
        )
    return value


def _read_secret(name: str) -> str:
    from prefect.blocks.system import Secret

    # Its `get` would make an object of a service account's key, and a number of a key of digits.
    value = Secret.load(name).value.get_secret_value()  # type: ignore[union-attr]
    return value if isinstance(value, str) else json.dumps(value)


def _choose(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise SettingsError(f"{name} is “{value}”; choose {' or '.join(known)}.")
    return value


def _check_database_url(url: str) -> str:
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise SettingsError("MENTORING_DATABASE_URL must start with sqlite:/// or postgresql://; correct it.")
    return url
