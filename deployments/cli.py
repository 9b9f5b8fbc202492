"""The command line: `mentoring …`. Reads arguments, calls the part that does the work, and says what came of it.

Exit status 0: done. 1: done, and something waits for a person. 2: wrong use or configuration, said in one sentence.
Every import beyond Typer is inside its command, so that `--help` answers at once and no command pays for a library that
it does not use.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer

from flows import FLOW_NAMES
from mentoring.errors import PlainError

P = ParamSpec("P")
T = TypeVar("T")

app = typer.Typer(
    name="mentoring",
    help="Runs a professional association's mentoring program from its spreadsheets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

Program = Annotated[
    Path | None,
    typer.Option(
        "--program",
        help="The program folder. Without it MENTORING_PROGRAM, else the current folder.",
        metavar="DIR",
    ),
]
Flow = Annotated[
    str,
    typer.Argument(help=f"One of {', '.join(FLOW_NAMES)}.", metavar="FLOW", show_default=False),
]
CohortId = Annotated[
    str | None, typer.Option("--cohort", help="Id of the cohort. Without it the one under way.", metavar="ID")
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Work as if it were this moment, like 2027-03-01 or 2027-03-01T10:00, in the committee's time zone.",
        metavar="TIME",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

NEEDS_PERSON, WRONG_USE = 1, 2


class CommandLineError(PlainError):
    """An argument can't be used; the text is one sentence with the mend."""


def _in_one_sentence(command: Callable[P, T]) -> Callable[P, T]:
    """Turn an error that a person can mend into its sentence and exit status 2; `--debug` shows the traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except PlainError as error:
            if "--debug" in sys.argv:
                raise
            typer.secho(f"✗ {error}", err=True, fg="red")
            raise typer.Exit(WRONG_USE) from None

    return run


def _require_flow(name: str) -> str:
    if name not in FLOW_NAMES:
        raise CommandLineError(f"There is no flow “{name}”; choose one of {', '.join(FLOW_NAMES)}.")
    return name


def _read_moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise CommandLineError(
            f"“{text}” is not a moment; write --as-of like 2027-03-01 or 2027-03-01T10:00."
        ) from None


@app.command(epilog="Example: `mentoring demo --out my-demo`")
@_in_one_sentence
def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the workbooks, mails and report.", metavar="DIR")
    ] = Path("demo"),
    debug: Debug = False,
) -> None:
    """Live through a whole program year on sample input, in about a minute; prints what happened and where to look."""
    from deployments.demo import run_demo

    run_demo(out)


@app.command(epilog="Example: `mentoring rehearse --people 60 --seed 7 --trouble rough`")
@_in_one_sentence
def rehearse(
    people: Annotated[int, typer.Option("--people", help="Applicants a year.", min=2, max=500)] = 60,
    seed: Annotated[int, typer.Option("--seed", help="The same seed plays the same years.")] = 1,
    years: Annotated[int, typer.Option("--years", help="Years, one after the other.", min=1, max=10)] = 1,
    trouble: Annotated[str, typer.Option("--trouble", help="mild or rough.")] = "mild",
    short: Annotated[
        bool, typer.Option("--short", help="A year of fourteen weeks instead of the program's own dates.")
    ] = False,
    program: Program = None,
    debug: Debug = False,
) -> None:
    """Let made-up people live through your own program's year. Nothing real is read, changed or sent."""
    if trouble not in ("mild", "rough"):
        raise CommandLineError(f"There is no trouble “{trouble}”; choose mild or rough.")
    from deployments.rehearsal import Rehearsal, write_outcome
    from deployments.rehearsal import rehearse as rehearse_years

    outcome = rehearse_years(Rehearsal(people, seed, years, trouble, short), program)
    for line in write_outcome(outcome):
        typer.echo(line)
    raise typer.Exit(NEEDS_PERSON if outcome.broken else 0)


@app.command(epilog="Example: `mentoring init our-program --sample`")
@_in_one_sentence
def init(
    folder: Annotated[
        Path,
        typer.Argument(help="The program folder, new or to be completed.", metavar="DIR", show_default=False),
    ],
    sample: Annotated[
        bool, typer.Option("--sample", help="With the sample's applications in forms.xlsx.")
    ] = False,
    map_forms: Annotated[
        bool,
        typer.Option(
            "--map", help="Only propose which question of the forms holds which field; changes nothing."
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Make a program folder, or, with Google, what is missing in the committee's spreadsheet."""
    if map_forms:
        from deployments.form_mapping import map_forms as propose_mapping

        typer.echo(propose_mapping(folder))
        return
    from deployments.program_folders import init_program

    for line in init_program(folder, sample):
        typer.echo(line)


@app.command(epilog="Example: `mentoring run propose-matches --as-of 2027-02-17`")
@_in_one_sentence
def run(
    flow: Flow,
    cohort: CohortId = None,
    as_of: AsOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    program: Program = None,
    debug: Debug = False,
) -> None:
    """Run one flow, once, in this process. Running it again changes nothing."""
    from deployments.running import run_flow

    report = run_flow(_require_flow(flow), program, cohort, _read_moment(as_of), dry_run)
    typer.echo(("Would do: " if dry_run else "Done: ") + report.describe_counts())
    for line in report.waiting:
        typer.echo(f"  → {line}")
    raise typer.Exit(NEEDS_PERSON if report.needs_person else 0)


@app.command(epilog="Example: `mentoring preview introduce-matches --out preview`")
@_in_one_sentence
def preview(
    flow: Flow,
    cohort: CohortId = None,
    as_of: AsOf = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the rendered messages.", metavar="DIR")
    ] = Path("preview"),
    program: Program = None,
    debug: Debug = False,
) -> None:
    """Render exactly the messages that a run would send, into files; nothing is sent or recorded."""
    from deployments.running import preview_flow

    count = preview_flow(_require_flow(flow), program, cohort, _read_moment(as_of), out)
    typer.echo(f"Messages: {count}, see {out / 'index.html'}." if count else "The run would send nothing.")


@app.command(epilog="Example: `mentoring serve --port 4200`")
@_in_one_sentence
def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; anything but loopback needs a password.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port of the Prefect server and its UI.", min=1, max=65535)
    ] = 4200,
    webhook: Annotated[
        int | None,
        typer.Option(
            "--webhook",
            help="Also take in SendGrid's reports, at this port.",
            metavar="PORT",
            min=1,
            max=65535,
        ),
    ] = None,
    program: Program = None,
    debug: Debug = False,
) -> None:
    """Run the Prefect server with its UI and every flow on its schedule, on this machine. Ctrl-C ends it."""
    from deployments.serving import serve as serve_program
    from tasks.settings import find_program_folder

    serve_program(find_program_folder(program), host=host, port=port, webhook=webhook)


@app.command(epilog="Example: `mentoring deploy --program our-program`")
@_in_one_sentence
def deploy(
    program: Program = None,
    program_on_workers: Annotated[
        str | None,
        typer.Option("--program-on-workers", help="The program folder as the workers see it.", metavar="DIR"),
    ] = None,
    code_on_workers: Annotated[
        str | None,
        typer.Option("--code-on-workers", help="This project as the workers see it.", metavar="DIR"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Hand every flow to the Prefect server that PREFECT_API_URL names, for workers on many machines."""
    from deployments.deploying import WORK_POOL
    from deployments.deploying import deploy as deploy_flows

    names = deploy_flows(program, program_on_workers, code_on_workers)
    typer.echo(f"Deployed {', '.join(names)}. Next, on each worker: prefect worker start --pool {WORK_POOL}")


@app.command(epilog="Example: `mentoring status --json`")
@_in_one_sentence
def status(
    as_json: Annotated[
        bool, typer.Option("--json", help="For other programs: JSON instead of words.")
    ] = False,
    as_of: AsOf = None,
    program: Program = None,
    debug: Debug = False,
) -> None:
    """Show where each cohort stands: counts by state, what is due next, what waits for a person."""
    from deployments.standing import read_standing, write_json, write_words

    standings = read_standing(program, _read_moment(as_of))
    typer.echo(write_json(standings) if as_json else write_words(standings))
    raise typer.Exit(NEEDS_PERSON if any(standing.waiting for standing in standings) else 0)


@app.command(name="next-year", epilog="Example: `mentoring next-year --program our-program`")
@_in_one_sentence
def next_year(
    cohort: CohortId = None, as_of: AsOf = None, program: Program = None, debug: Debug = False
) -> None:
    """Open the next cohort in program.yaml from this one's settings, every day a year later."""
    from deployments.next_year import open_next_year

    for line in open_next_year(program, cohort, _read_moment(as_of)):
        typer.echo(line)


@app.command(epilog="Example: `mentoring doctor --program our-program`")
@_in_one_sentence
def doctor(program: Program = None, debug: Debug = False) -> None:
    """Check configuration, sheets, headings, database, mail and schedule: one line each, ✓ or what to do."""
    from deployments.checkup import check_program

    findings = check_program(program)
    for finding in findings:
        typer.echo(f"{'✓' if finding.is_fine else '✗'} {finding.subject}: {finding.words}")
    raise typer.Exit(0 if all(finding.is_fine for finding in findings) else NEEDS_PERSON)


@app.command(epilog="Example: `mentoring reconcile --program our-program`")
@_in_one_sentence
def reconcile(program: Program = None, debug: Debug = False) -> None:
    """After restoring an older database: settle what went out since, so that nothing is sent a second time."""
    from deployments.reconciling import reconcile_program

    for line in reconcile_program(program):
        typer.echo(line)


@app.command(epilog="Example: `mentoring match mentors.csv mentees.csv --out result --what-if M-012=E-031`")
@_in_one_sentence
def match(
    mentors: Annotated[
        Path, typer.Argument(help="Table of mentors (CSV, XLSX or Parquet).", show_default=False)
    ],
    mentees: Annotated[
        Path, typer.Argument(help="Table of mentees (CSV, XLSX or Parquet).", show_default=False)
    ],
    policy: Annotated[
        Path | None, typer.Option("--policy", help="YAML file with weights and rules.", metavar="FILE")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the result.", metavar="DIR")] = Path(
        "matching"
    ),
    scores: Annotated[
        bool, typer.Option("--scores", help="Also write every pair's points (small inputs).")
    ] = False,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            help="What would it cost to pair this mentor with this mentee, and who would move? May be repeated.",
            metavar="MENTOR=MENTEE",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Match two tables of people with the engine alone: no database, no Prefect."""
    from deployments.matching import match_files

    for line in match_files(mentors, mentees, policy, out, scores, what_if or ()):
        typer.echo(line)


@app.command(epilog="Example: `mentoring verify result`")
@_in_one_sentence
def verify(
    folder: Annotated[
        Path,
        typer.Argument(help="A folder that “mentoring match” wrote.", metavar="DIR", show_default=False),
    ],
    debug: Debug = False,
) -> None:
    """Check a written matching against its input and its proof, pair by pair, without the engine that made it."""
    from tasks.people_files import verify_folder

    problems = verify_folder(folder)
    for problem in problems:
        typer.echo(f"✗ {problem}")
    if problems:
        raise typer.Exit(NEEDS_PERSON)
    typer.echo(f"✓ Proven: no other matching of these people is better than the one in {folder}.")


@app.command(epilog="Example: `mentoring erase someone@example.org`")
@_in_one_sentence
def erase(
    email: Annotated[str, typer.Argument(help="The person's e-mail address.", show_default=False)],
    program: Program = None,
    debug: Debug = False,
) -> None:
    """Remove one person's data everywhere it is kept; the statistics stay."""
    from deployments.erasing import erase_person

    for line in erase_person(email, program):
        typer.echo(line)


def main() -> None:
    """Entry point of the console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Into a file or a service's journal as well, each line is there when it is said and not at the end.
        sys.stdout.reconfigure(line_buffering=True)
    app()
