"""`mentoring rehearse`: made-up people live through the program's own years, with trouble, and promises are checked.

It plays on a stage: the program's settings, a database in a temporary folder, spreadsheets and mail in memory. The real
data is never opened, and nothing leaves the machine. Belongs here: setting the stage, one year after the other, and the
words at the end. Does not belong here: a year (`deployments.rehearsed_year`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from deployments.rehearsal_promises import PROMISES
from deployments.rehearsed_acts import Acts
from deployments.rehearsed_people import TROUBLES, draw_people
from deployments.rehearsed_purges import RehearsedPurges
from deployments.rehearsed_year import RehearsedYear
from mentoring.cohort import Cohort
from mentoring.next_year import name_next_cohort, shift_cohort, shorten_cohort
from mentoring.program import CohortSettings, Program
from tasks.collector import collector_seldom_at_work
from tasks.database import Database
from tasks.settings import PROGRAM_FILE, Settings, find_program_folder, read_program
from tasks.stage import Stage, play_on
from tasks.stage_mail import MailTrouble, StageMail
from tasks.stage_sheets import StageSheets


@dataclass(frozen=True)
class Rehearsal:
    """What was asked for: how many people, which seed, how many years, how much trouble (a name in `TROUBLES`)."""

    people: int = 60
    seed: int = 1
    years: int = 1
    trouble: str = "mild"
    is_short: bool = False

    @property
    def command(self) -> str:
        """The command that repeats it, with the same program."""
        return (
            f"mentoring rehearse --people {self.people} --seed {self.seed} --years {self.years} "
            f"--trouble {self.trouble}{' --short' if self.is_short else ''}"
        )


@dataclass(frozen=True)
class Outcome:
    """What a rehearsal came to: `lines` tell of it, `broken` are the promises and invariants that did not hold."""

    rehearsal: Rehearsal
    lines: tuple[str, ...]
    broken: tuple[str, ...]


@collector_seldom_at_work()
def rehearse(rehearsal: Rehearsal, folder: Path | None = None) -> Outcome:
    """Live through the years of the program in `folder` (default: the program folder). Raises `SettingsError`.

    The same rehearsal of the same program comes to the same outcome.
    """
    program = _plain_program(read_program(find_program_folder(folder) / PROGRAM_FILE))
    lines: list[str] = []
    broken: list[str] = []
    with TemporaryDirectory(prefix="mentoring-rehearsal-") as place:
        stage = _set_stage(program, rehearsal, Path(place))
        cohort_id = program.require_cohort(None)
        if rehearsal.is_short:
            stage = _put_cohort(stage, cohort_id, shorten_cohort(program.cohorts[cohort_id]))
        purges = RehearsedPurges()
        for number in range(rehearsal.years):
            if number:
                stage, cohort_id = _open_next_year(stage, cohort_id)
            year = _live_year(stage, cohort_id, rehearsal, number, purges)
            lines += _describe_year(year)
            broken += year.broken
        purges.finish()
        lines += purges.purged.values()
        broken += purges.broken
    return Outcome(rehearsal, tuple(lines), tuple(dict.fromkeys(broken)))


def _plain_program(program: Program) -> Program:
    """The program with forms whose headings are told letter by letter, and one sender, so that a play repeats itself.

    Headings that a pattern or a grid finds are the form's own; the play asks those questions by the field's name.
    """
    forms = {
        name: form.model_copy(
            update={"fields": {field: _plain(field, asked) for field, asked in form.fields.items()}}
        )
        for name, form in program.forms.items()
    }
    delivery = program.delivery.model_copy(update={"senders": 1})
    return program.model_copy(
        update={"forms": forms, "delivery": delivery, "sheets": "local", "mail": "files"}
    )


def _plain(field: str, asked: object) -> object:
    entries = asked if isinstance(asked, list) else [asked]
    return asked if all(isinstance(e, str) and not e.endswith("[*]") for e in entries) else field


def _set_stage(program: Program, rehearsal: Rehearsal, place: Path) -> Stage:
    trouble = TROUBLES[rehearsal.trouble]
    seed = f"{rehearsal.seed} {rehearsal.people} {rehearsal.trouble}"
    database = SecretStr(f"sqlite:///{place / 'mentoring.sqlite'}")
    mail = MailTrouble(trouble.mail_refused, trouble.mail_away, trouble.mail_doubtful)
    return Stage(
        Settings(place, program, database, "local", "files"),
        StageSheets(program, seed, trouble.sheets_away),
        StageMail(seed, mail),
    )


def _open_next_year(stage: Stage, cohort_id: str) -> tuple[Stage, str]:
    program = stage.settings.program
    name = name_next_cohort(program, cohort_id)
    return _put_cohort(stage, name, shift_cohort(program.cohorts[cohort_id])), name


def _put_cohort(stage: Stage, cohort_id: str, settings: CohortSettings) -> Stage:
    program = stage.settings.program
    changed = program.model_copy(update={"cohorts": {**program.cohorts, cohort_id: settings}})
    return replace(stage, settings=replace(stage.settings, program=changed))


def _live_year(
    stage: Stage, cohort_id: str, rehearsal: Rehearsal, number: int, purges: RehearsedPurges
) -> RehearsedYear:
    program, trouble = stage.settings.program, TROUBLES[rehearsal.trouble]
    draw = Random(f"{rehearsal.seed} {rehearsal.people} {rehearsal.trouble} year {number}")  # noqa: S311
    _add_cohort(stage, cohort_id, draw)
    settings = program.cohorts[cohort_id]
    people = draw_people(program, settings, trouble, rehearsal.people, draw, number)
    assert isinstance(stage.sheets, StageSheets)
    assert isinstance(stage.mail, StageMail)
    acts = Acts(program, settings, people, trouble, draw, stage.sheets, stage.mail)
    year = RehearsedYear(stage, cohort_id, acts, draw, before_day=purges.live_day)
    purges.years.append(year)
    year.live()
    return year


def _add_cohort(stage: Stage, cohort_id: str, draw: Random) -> None:
    """Opened before its first run does, with a key from the seed: references of messages repeat themselves then."""
    database = Database(stage.settings.database_url)
    database.migrate()
    opens = stage.settings.program.cohorts[cohort_id].applications_open
    at = datetime.combine(opens, datetime.min.time(), stage.settings.program.zone)
    with database.transaction("rehearse", at) as transaction:
        transaction.execute(
            "add_cohort", cohort_id=cohort_id, at=transaction.at, token_key=f"{draw.getrandbits(128):032x}"
        )


def _describe_year(year: RehearsedYear) -> Iterator[str]:
    settings, tally = year.acts.settings, year.acts.tally
    moment = datetime.combine(
        settings.evaluation_due + timedelta(days=3), datetime.min.time(), year.acts.program.zone
    )
    with play_on(year.stage):
        cohort = year.read_cohort(moment)
    yield f"Year {year.cohort_id}"
    yield (
        f"  People: {len(year.acts.people)} applied, {tally['late']} of them late, {tally['twice']} twice, "
        f"{tally['broken']} with a mistake, {tally['taken back']} took it back."
    )
    yield f"  Applications: {_count(item.state for item in cohort.applications.values())}."
    yield f"  Matches: {_count(_name_match(cohort, key) for key in cohort.matches)}."
    yield (
        f"  Answers: {tally['check_in answers']} check-ins ({tally['check-ins left unanswered']} left unanswered), "
        + (f"{tally['request answers']} requests, {tally['evaluation answers']} evaluations.")
    )
    yield f"  Pauses: {_count(pause.state for pause in cohort.pauses)}."
    yield f"  Mail: {_count(message.state for message in cohort.messages)}."
    yield f"  Runs: {sum(year.runs.values())}. Trouble: {_list(year.failed) or 'none'}."
    decided = Counter({name: count for name, count in tally.items() if ": " in name})
    yield f"  Needed a person, decisions: {_list(decided) or 'none'}."
    for line, count in sorted(year.waited.items(), key=lambda item: (-item[1], item[0]))[:8]:
        yield f"  Needed a person, in {count} runs: {line}"


def _name_match(cohort: Cohort, match_id: str) -> str:
    match = cohort.matches[match_id]
    return f"{match.state} ({match.reason})" if match.reason else match.state


def _count(words: Iterator[str]) -> str:
    return _list(Counter(words)) or "none"


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count)


def write_outcome(outcome: Outcome) -> list[str]:
    """The report at the end of a rehearsal, line by line."""
    if outcome.broken:
        shown = [f"✗ {line}" for line in outcome.broken[:10]]
        return [*outcome.lines, *shown, f"To see this again: {outcome.rehearsal.command}"]
    held = [f"✓ {promise}" for promise in ("every invariant of the database", *PROMISES)]
    return [*outcome.lines, "Checked:", *held]
