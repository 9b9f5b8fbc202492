"""Settings that come from Prefect's Secret blocks and variables: named in `.env`, read when a run begins, never shown."""

import json
from pathlib import Path

import pytest

from deployments.checkup import check_program
from deployments.program_folders import make_program_folder
from tasks.google_client import read_service_account
from tasks.settings import SettingsError, load_settings


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    make_program_folder(folder)
    return folder


def name(program: Path, *lines: str) -> None:
    (program / ".env").write_text("\n".join(lines) + "\n")


def test_a_secret_block_and_a_variable_give_their_values_and_doctor_says_where_they_came_from(
    program: Path,
) -> None:
    from prefect.blocks.system import Secret
    from prefect.variables import Variable

    Secret(value="made-up-key").save("sendgrid-key", overwrite=True)
    Variable.set("how_mail_goes_out", "files", overwrite=True)
    name(
        program,
        "MENTORING_SENDGRID_API_KEY=prefect:secret/sendgrid-key",
        "MENTORING_MAIL=prefect:variable/how_mail_goes_out",
        "MENTORING_SHEETS=local",
    )
    settings = load_settings(program)
    assert settings.sendgrid_api_key is not None
    assert settings.sendgrid_api_key.get_secret_value() == "made-up-key"
    assert settings.mail == "files"
    assert "made-up-key" not in repr(settings)
    [finding] = [item for item in check_program(program) if item.subject == "settings"]
    assert finding.is_fine
    assert set(finding.words.split("; ")) >= {
        "MENTORING_MAIL from .env, which names the Prefect variable “how_mail_goes_out”",
        "MENTORING_SENDGRID_API_KEY from .env, which names the Prefect secret “sendgrid-key”",
        "MENTORING_SHEETS from .env",
    }


@pytest.mark.parametrize("as_text", [True, False])
def test_a_service_account_may_lie_in_a_secret_block_as_text_or_as_an_object(
    program: Path, as_text: bool
) -> None:
    from prefect.blocks.system import Secret

    key = {
        "client_email": "mentoring@project.example",
        "private_key": "a\\nb",
        "token_uri": "http://127.0.0.1:9/",
    }
    Secret(value=json.dumps(key) if as_text else key).save("google-account", overwrite=True)
    name(program, "MENTORING_GOOGLE_SERVICE_ACCOUNT=prefect:secret/google-account")
    found = load_settings(program).google_service_account
    assert found is not None
    account = json.loads(read_service_account(found, program).get_secret_value())
    assert account == {**key, "private_key": "a\nb\n"}
    assert "mentoring@" not in repr(found)


def test_a_secret_of_digits_stays_as_it_is(program: Path) -> None:
    from prefect.blocks.system import Secret

    Secret(value="1234567").save("digits", overwrite=True)
    name(program, "MENTORING_SENDGRID_API_KEY=prefect:secret/digits")
    found = load_settings(program).sendgrid_api_key
    assert found is not None
    assert found.get_secret_value() == "1234567"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "MENTORING_SENDGRID_API_KEY=prefect:secret/nowhere",
            "MENTORING_SENDGRID_API_KEY names the Prefect secret “nowhere”, which is not there or holds no text; make "
            "it in the Prefect UI, or write the value into .env.",
        ),
        (
            "MENTORING_MAIL=prefect:variable/nowhere",
            "MENTORING_MAIL names the Prefect variable “nowhere”, which is not there or holds no text; make it in the "
            "Prefect UI, or write the value into .env.",
        ),
    ],
)
def test_a_block_that_is_not_there_is_one_sentence(program: Path, line: str, sentence: str) -> None:
    name(program, line)
    with pytest.raises(SettingsError) as refused:
        load_settings(program)
    assert str(refused.value) == sentence
